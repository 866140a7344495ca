//! `tally demo`.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chassis::config::ProcessEnv;
use chassis::{Context, ServiceConfig, Serving, connect_with_key, lifecycle};
use indicatif::{ProgressBar, ProgressStyle};
use kernel::Window;
use secrecy::ExposeSecret as _;
use wire::common::v1 as common;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::rollup::v1::report_service_client::ReportServiceClient;
use wire::rollup::v1::{
    Dimension, Filter, GetOverviewRequest, GetSavingsRequest, Overview, ReportQuery, SavingsOrder,
    SavingsReport,
};

use crate::cli::{Demo, Which};
use crate::demo::{
    FAILING_AGENT, FAILURES, Month, Receiver, Replayed, Stage, TRIAGE_AGENT, prepare, replay,
};
use crate::failure::Failure;
use crate::hosting::{self, Hosted};
use crate::print;
use crate::settings::Settings;

/// Deliveries normally arrive within milliseconds.
const WEBHOOK_PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: Demo) -> Result<ExitCode, Failure> {
    let (mut settings, _) = Settings::read(&ProcessEnv, "tally")?;
    // The subscriber is on this machine, where webhooks do not go unless they are let.
    settings.webhook.allow_nets.0.push(args.receiver.ip().into());
    settings.meet();
    if settings.telemetry.log == "info" {
        // A demo's output is its report.
        "warn".clone_into(&mut settings.telemetry.log);
    }
    let ctx = hosting::context(&mut settings)?;
    lifecycle::stop_on_signal(ctx.stop.clone())?;
    hosting::migrate(&settings, Which::All).await?;
    let peers = settings.peers.clone();
    let receiver = Receiver::start(args.receiver, Arc::clone(&ctx.clock)).await?;
    let Hosted { ctx, telemetry, servers } = hosting::start(settings, Which::All, ctx).await?;

    let told = tokio::select! {
        told = tell(&args, &peers, &ctx, &receiver, address(&servers)) => told,
        () = ctx.stop.cancelled() => Ok(()),
    };
    if args.once || told.is_err() {
        ctx.stop.cancel();
    }
    let code = lifecycle::run(ctx, servers, telemetry).await;
    told.map(|()| code)
}

/// The one address behind which all services are.
fn address(servers: &[Serving]) -> String {
    let suite = servers.iter().find(|server| server.name == "suite");
    suite.map(|server| server.addr.to_string()).unwrap_or_default()
}

/// Replays the month and prints what the services make of it.
async fn tell(
    args: &Demo,
    peers: &ServiceConfig,
    ctx: &Context,
    receiver: &Receiver,
    address: String,
) -> Result<(), Failure> {
    let stage = prepare(peers, ctx, receiver).await?;
    let channel = |uri| connect_with_key(uri, "demo", Some(&stage.api_key), &ctx.transport);
    let ingest = IngestServiceClient::new(channel(&peers.ingest_url));
    let began = ctx.clock.now();
    let bar = progress();
    let events = stage.month.events().collect();
    let replayed = replay(&ingest, events, &stage.catalog_version, &bar).await?;
    bar.finish_and_clear();
    let took = ctx.clock.now().since(began);
    if replayed.recorded >= FAILURES {
        // On another run the failures are duplicates, and nothing fires twice.
        receiver.reaches(FAILURES, WEBHOOK_PATIENCE).await;
    }

    let mut reports = ReportServiceClient::new(channel(&peers.rollup_url));
    let month = overview(&mut reports, &stage, &replayed, TRIAGE_AGENT).await?;
    let apart = overview(&mut reports, &stage, &replayed, FAILING_AGENT).await?;
    let request = GetSavingsRequest {
        query: Some(query(stage.month.window, &replayed.position, TRIAGE_AGENT)),
        dimensions: vec![Dimension::TaskType.into()],
        order: SavingsOrder::Key.into(),
        limit: 0,
    };
    let savings =
        reports.get_savings(request).await.map_err(Failure::call("the savings were not given"))?;
    let report = Report {
        month,
        savings: savings.into_inner().report.unwrap_or_default(),
        apart,
        replayed,
        took,
        webhooks: receiver.counts(),
    };
    if args.json {
        report.json()
    } else {
        report.text()
    }
    if !args.once && !args.json {
        print::tell(format_args!("\nServing on {address}. Look around:"));
        print::tell(format_args!("  export TALLY_API_KEY={}", stage.api_key.expose_secret()));
        let (from, to) = (stage.month.window.start(), stage.month.window.end());
        print::tell(format_args!("  tally overview --by agent --from {from} --to {to}"));
        print::tell(format_args!(
            "The key lives a day; the workspace is {}. Ctrl-C ends it.",
            stage.workspace
        ));
    }
    Ok(())
}

async fn overview(
    reports: &mut ReportServiceClient<chassis::Channel>,
    stage: &Stage,
    replayed: &Replayed,
    agent: &str,
) -> Result<Overview, Failure> {
    let query = Some(query(stage.month.window, &replayed.position, agent));
    let request = GetOverviewRequest { query, compare_previous: false };
    let answer =
        reports.get_overview(request).await.map_err(Failure::call("the overview was not given"))?;
    Ok(answer.into_inner().overview.unwrap_or_default())
}

/// One agent over the month, not before everything sent is in it.
fn query(window: Window, at_least: &str, agent: &str) -> ReportQuery {
    let edge = |at: kernel::Timestamp| Some(at.parts().into());
    ReportQuery {
        window: Some(common::Window {
            start_time: edge(window.start()),
            end_time: edge(window.end()),
        }),
        filters: vec![Filter {
            dimension: Dimension::Agent.into(),
            values: vec![agent.to_owned()],
        }],
        at_least: at_least.to_owned(),
        ..Default::default()
    }
}

struct Report {
    month: Overview,
    savings: SavingsReport,
    apart: Overview,
    replayed: Replayed,
    took: Duration,
    webhooks: (u64, u64),
}

impl Report {
    fn text(&self) {
        let total = self.replayed.recorded + self.replayed.duplicates;
        let rate = (total as f64 / self.took.as_secs_f64().max(0.001)) as i64;
        print::tell(format_args!(
            "{} events sent in {:.1} s ({}/s): {} new, {} already there\n",
            print::count(total as i64),
            self.took.as_secs_f64(),
            print::count(rate),
            print::count(self.replayed.recorded as i64),
            print::count(self.replayed.duplicates as i64),
        ));
        print::tell(format_args!("{TRIAGE_AGENT}, {}", print::overview(&self.month)));
        print::tell(format_args!("\n{}", print::savings(&self.savings, "Task type")));
        print::tell(format_args!("\n{FAILING_AGENT}, {}", print::overview(&self.apart)));
        if self.replayed.recorded == 0 {
            print::tell("\nWebhooks on outcome=failure: none in this run, since no event was new");
            return;
        }
        let (verified, refused) = self.webhooks;
        print::tell(format_args!(
            "\nWebhooks on outcome=failure: {verified} received, signatures verified{}",
            if refused > 0 { format!("; {refused} refused") } else { String::new() },
        ));
    }

    fn json(&self) {
        let report = serde_json::json!({
            "overview": self.month,
            "savings": self.savings,
            "failures": self.apart,
            "events_sent": self.replayed.recorded + self.replayed.duplicates,
            "events_new": self.replayed.recorded,
            "seconds": self.took.as_secs_f64(),
            "webhooks_verified": self.webhooks.0,
            "webhooks_refused": self.webhooks.1,
        });
        print::tell(report);
    }
}

fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("replaying a month  {wide_bar} {pos}/{len} events  {per_sec}");
    ProgressBar::new(Month::len())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
