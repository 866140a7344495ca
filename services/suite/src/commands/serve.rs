//! `tally serve`.

use std::process::ExitCode;

use chassis::config::ProcessEnv;
use chassis::lifecycle;

use crate::cli::{Serve, Which};
use crate::failure::Failure;
use crate::hosting::{self, Hosted};
use crate::settings::Settings;

pub(crate) async fn run(args: Serve) -> Result<ExitCode, Failure> {
    let (mut settings, _) = Settings::read(&ProcessEnv, name(args.which))?;
    let ctx = hosting::context(&mut settings)?;
    lifecycle::stop_on_signal(ctx.stop.clone())?;
    // Nobody else uses an embedded database; a shared one is migrated when its operator says so.
    if args.migrate || settings.embedded() {
        hosting::migrate(&settings, args.which).await?;
    }
    let first_key =
        matches!(args.which, Which::All | Which::Ingest).then(|| settings.ingest.clone());
    let Hosted { ctx, telemetry, servers } = hosting::start(settings, args.which, ctx).await?;
    // Last, when all else has succeeded: a key that is shown once must not scroll by before an error.
    if let Some(config) = first_key
        && let Some((workspace, key)) = ingest::bootstrap(&config, &ctx).await?
    {
        eprintln!(
            "First start: created the workspace `default` ({workspace}). Its admin key, shown this once:"
        );
        eprintln!("  export TALLY_API_KEY={key}");
    }
    Ok(lifecycle::run(ctx, servers, telemetry).await)
}

fn name(which: Which) -> &'static str {
    match which {
        Which::All => "tally",
        Which::Ingest => ingest::NAME,
        Which::BaselineCatalog => baseline_catalog::NAME,
        Which::Rollup => rollup::NAME,
        Which::AuditSampling => audit_sampling::NAME,
        Which::WebhookDispatch => webhook_dispatch::NAME,
    }
}
