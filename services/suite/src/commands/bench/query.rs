//! `tally bench query`: what reports cost.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chassis::{OsIds, SystemClock};
use kernel::Clock as _;

use crate::bench::query::{
    Consumer, History, QueryReport, WORKSPACES, cold, hot, rebuild_all, traffic, visible,
};
use crate::bench::{Load, Sample, Stand, Steps, Target, batches_in_flight, memory_mib};
use crate::cli::BenchQuery;
use crate::failure::Failure;
use crate::print;

/// Events of the small ledger; a tenth of all when there are less than ten times as many.
const SMALL: u64 = 100_000;

pub(crate) async fn run(args: BenchQuery) -> Result<ExitCode, Failure> {
    let (database, redis) = (args.database.as_deref(), args.redis.as_deref());
    let stand = Stand::start(database, redis, WORKSPACES).await?;
    let stop = stand.ctx.stop.clone();
    let report = tokio::select! {
        report = measure(&args, &stand) => report,
        () = stop.cancelled() => Err(Failure::Other("the bench was stopped".into())),
    };
    stand.end().await;
    let report = report?;
    if args.json {
        print::tell(report.json()?);
    } else {
        print::tell(report.text());
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(args: &BenchQuery, stand: &Stand) -> Result<QueryReport, Failure> {
    let ingest = Arc::new(Target::new(&stand.ingest, &stand.keys)?);
    let history = History::new(&OsIds, SystemClock.now());
    let time = Duration::from_secs(args.seconds.into());
    let in_flight = batches_in_flight(args.callers);
    let small_events = SMALL.min(args.events / 10);
    let mut report = QueryReport::of(args.events);

    history.track(&ingest, small_events, in_flight).await?;
    let small = small_ledger(args, stand, time).await?;

    let backlog = args.events - small_events;
    history.track(&ingest, backlog, in_flight).await?;
    let steps = Steps::new(args.json);
    steps.say("how fast a backlog is consumed");
    let began = SystemClock.now();
    let rollup = Consumer::start(stand).await?;
    rollup.catch_up(stand).await?;
    report.consume_per_s = backlog as f64 / SystemClock.now().since(began).as_secs_f64();

    let reports = &rollup.reports;
    steps.say("overviews from the cache");
    report.hot(&hot(reports, time).await?);
    steps.say("overviews without the cache");
    report.cold(&cold(reports, time).await?, (&small, small_events));
    steps.say("many callers at once");
    report.traffic(&traffic(reports, Load { callers: args.callers.into(), time }).await?);
    steps.say("how soon an event is in a report");
    let (late, per_s) = visible((&ingest, reports), &history, time).await?;
    report.fresh(&late, per_s);
    report.rss_mib = memory_mib();
    if args.rebuild {
        steps.say("every workspace counted again");
        report.rebuilt(rebuild_all(reports, &OsIds, args.events).await?);
    }
    steps.end();
    rollup.end().await?;
    Ok(report)
}

/// Overviews without the cache while there is little to report on. Rollup is ended after, so that what
/// comes next is a backlog when it starts again.
async fn small_ledger(args: &BenchQuery, stand: &Stand, time: Duration) -> Result<Sample, Failure> {
    let steps = Steps::new(args.json);
    steps.say("overviews of a small ledger");
    let rollup = Consumer::start(stand).await?;
    rollup.catch_up(stand).await?;
    let sample = cold(&rollup.reports, time).await?;
    rollup.end().await?;
    steps.end();
    Ok(sample)
}
