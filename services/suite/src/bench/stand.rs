//! Services of the bench's own, in this process.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;

use chassis::config::{ProcessEnv, Vars as _};
use chassis::telemetry::Telemetry;
use chassis::{Context, Serving, connect, lifecycle};
use http::Uri;
use kernel::WorkspaceId;
use secrecy::SecretString;
use tempfile::TempDir;
use wire::ingest::v1::CreateWorkspaceRequest;
use wire::ingest::v1::access_service_client::AccessServiceClient;

use crate::cli::Which;
use crate::failure::Failure;
use crate::hosting;
use crate::settings::Settings;

/// What may be tuned for the services and is tuned for the bench too.
const TUNED: [&str; 5] = [
    "TALLY_INGEST_LANES",
    "TALLY_INGEST_QUEUE",
    "TALLY_INGEST_BATCHES",
    "TALLY_INGEST_CONNECTIONS",
    "TALLY_ROLLUP_CONNECTIONS",
];

/// Ingest and the catalog, started for the bench and ended with it.
pub(crate) struct Stand {
    pub(crate) ctx: Context,
    pub(crate) ingest: Uri,
    pub(crate) database_url: String,
    /// What the services were started with, for those that start later.
    pub(crate) settings: Settings,
    /// Tenants, each beside its key in `keys`.
    pub(crate) workspaces: Vec<WorkspaceId>,
    pub(crate) keys: Vec<SecretString>,
    servers: Vec<Serving>,
    telemetry: Telemetry,
    /// Removed at the end.
    _directory: TempDir,
}

impl Stand {
    /// On `database` (a throw-away SQLite file when `None`) and `redis`, with so many workspaces. They
    /// fall into different partitions, so that every lane has work.
    pub(crate) async fn start(
        database: Option<&str>,
        redis: Option<&str>,
        workspaces: usize,
    ) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Other(format!("the bench: {error}"));
        let directory = tempfile::Builder::new().prefix("tally-bench").tempdir().map_err(failed)?;
        let vars = variables(directory.path(), database, redis).map_err(failed)?;
        let (mut settings, _) = Settings::read(&vars, "tally")?;
        settings.meet();
        let database_url = database
            .map_or_else(|| format!("sqlite://{}/", directory.path().display()), str::to_owned);
        let ctx = hosting::context(&mut settings)?;
        lifecycle::stop_on_signal(ctx.stop.clone())?;
        let both = [Which::BaselineCatalog, Which::Ingest];
        for which in both {
            hosting::migrate(&settings, which).await?;
        }
        own_ledger(&settings, &ctx, &database_url).await?;

        let telemetry = Telemetry::install(&settings.telemetry, &chassis::OsIds)?;
        let ingest = settings.peers.ingest_url.clone();
        let catalog = baseline_catalog::start(settings.catalog.clone(), &ctx).await?;
        let mut servers = vec![chassis::serve(catalog, &ctx).await?];
        let service = ingest::start(settings.ingest.clone(), &ctx).await?;
        let mut ready = service.ready.clone();
        servers.push(chassis::serve(service, &ctx).await?);
        // An error would mean that ingest has ended, which the first call will say better.
        let _ = ready.wait_for(|ready| *ready).await;
        let (workspaces, keys) = tenants(&ingest, &ctx, workspaces).await?;
        Ok(Self {
            ctx,
            ingest,
            database_url,
            settings,
            workspaces,
            keys,
            servers,
            telemetry,
            _directory: directory,
        })
    }

    /// Stops the services.
    pub(crate) async fn end(self) {
        self.ctx.stop.cancel();
        lifecycle::run(self.ctx, self.servers, self.telemetry).await;
    }
}

fn variables(
    directory: &Path,
    database: Option<&str>,
    redis: Option<&str>,
) -> std::io::Result<BTreeMap<String, String>> {
    // Where the services are and what they keep is the bench's own.
    let tuned = TUNED.into_iter().filter_map(|name| Some((name.to_owned(), ProcessEnv.get(name)?)));
    let mut vars: BTreeMap<String, String> = tuned.collect();
    vars.insert("TALLY_DATA_DIR".to_owned(), directory.display().to_string());
    vars.insert("TALLY_LOG".to_owned(), "warn".to_owned());
    for service in ["INGEST", "CATALOG", "ROLLUP"] {
        vars.insert(format!("TALLY_{service}_LISTEN"), free_address()?);
    }
    let given = [("TALLY_DATABASE_URL", database), ("TALLY_REDIS_URL", redis)];
    vars.extend(given.into_iter().filter_map(|(name, url)| Some((name.into(), url?.to_owned()))));
    Ok(vars)
}

/// The services tell each other where they are before they listen, so the port is chosen first.
fn free_address() -> std::io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Refuses a ledger that is somebody's: what a bench appends would stay in it for ever. A database a bench
/// has used before is known by the bench's own tables.
async fn own_ledger(settings: &Settings, ctx: &Context, url: &str) -> Result<(), Failure> {
    if super::Inserts::known(url).await? {
        return Ok(());
    }
    match ingest::bootstrap(&settings.ingest, ctx).await? {
        // Known from now on, whatever the bench does in it.
        Some(_) => {
            super::Inserts::open(url.to_owned(), 2).await?.close().await;
            Ok(())
        }
        None => Err(Failure::Other(
            "this database holds a ledger, and what a bench appends stays there for ever: give it a \
             database of its own (createdb tally_bench)"
                .into(),
        )),
    }
}

async fn tenants(
    ingest: &Uri,
    ctx: &Context,
    count: usize,
) -> Result<(Vec<WorkspaceId>, Vec<SecretString>), Failure> {
    let mut access = AccessServiceClient::new(connect(ingest, "bench", ctx));
    let (mut workspaces, mut keys) = (Vec::new(), Vec::new());
    for n in 0..count {
        let request = CreateWorkspaceRequest { name: format!("bench {n}"), ..Default::default() };
        let made = access
            .create_workspace(request)
            .await
            .map_err(Failure::call("a workspace of the bench was not created"))?
            .into_inner();
        let id = made.workspace.unwrap_or_default().workspace_id;
        let id = id.parse().map_err(|error| Failure::Other(format!("the bench: {error}")))?;
        workspaces.push(id);
        keys.push(made.api_key.into());
    }
    Ok((workspaces, keys))
}
