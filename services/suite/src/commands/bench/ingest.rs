//! `tally bench ingest`: what taking events in costs.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chassis::OsIds;
use http::Uri;
use kernel::Clock as _;
use prost::Message as _;
use wire::ingest::v1::{LedgerRecord, Receipt, TrackRequest};

use crate::bench::{
    Echo, Events, Fill, Inserts, Load, Report, Sample, Stand, Steps, TIMES, Target,
    batches_in_flight, freshness, memory_mib, overload, send,
};
use crate::cli::BenchIngest;
use crate::failure::Failure;
use crate::print;

/// What the bare INSERT may use: half of them write, as many as ingest has by default.
const INSERT_CONNECTIONS: u32 = 8;
/// What is compared is measured in turn so many times: a machine that slows down for a while, as shared ones
/// do, then slows all of it down. One after the other, Track / echo came out between 0.33 and 0.59.
const ROUNDS: u32 = 5;
/// Tenants of the bench's own services.
const WORKSPACES: usize = 16;
/// Events of one call while the ledger is filled.
const PRELOAD_BATCH: usize = 1_000;

pub(crate) async fn run(args: BenchIngest) -> Result<ExitCode, Failure> {
    let report = match &args.address {
        Some(address) => there(&args, address).await?,
        None => here(&args).await?,
    };
    if args.json {
        print::tell(report.json()?);
    } else {
        print::tell(report.text());
    }
    Ok(ExitCode::SUCCESS)
}

/// An ingest that runs already: its database is not the bench's to write to.
async fn there(args: &BenchIngest, address: &Uri) -> Result<Report, Failure> {
    let key = crate::commands::settings()?.api_key.ok_or_else(|| {
        Failure::Other("no API key: set TALLY_API_KEY to one of that ingest, scope track".into())
    })?;
    let target = Arc::new(Target::new(address, &[key])?);
    measure(args, &target, None).await
}

/// Services of the bench's own.
async fn here(args: &BenchIngest) -> Result<Report, Failure> {
    let stand = Stand::start(args.database.as_deref(), args.redis.as_deref(), WORKSPACES).await?;
    let target = Arc::new(Target::new(&stand.ingest, &stand.keys)?);
    let stop = stand.ctx.stop.clone();
    let report = tokio::select! {
        report = measure(args, &target, Some(&stand)) => report,
        () = stop.cancelled() => Err(Failure::Other("the bench was stopped".into())),
    };
    stand.end().await;
    report
}

async fn measure(
    args: &BenchIngest,
    target: &Arc<Target>,
    stand: Option<&Stand>,
) -> Result<Report, Failure> {
    let events = Events::new(&OsIds, chassis::SystemClock.now());
    let time = Duration::from_secs(args.seconds.into());
    let rounds = ROUNDS.min(args.seconds.into());
    let load = |callers| Load { callers, time: time / rounds };
    let in_flight = batches_in_flight(args.callers);
    let steps = Steps::new(args.json);
    let mut report = Report { preloaded: args.preload, ..Report::default() };

    if args.preload > 0 {
        let fill = Fill { events: args.preload, batch: PRELOAD_BATCH, in_flight };
        let batch = |nth, size| (usize::try_from(nth).unwrap_or(0), events.batch(size));
        fill.run(target, batch).await?;
    }
    let receipt = first(target, &events).await?;

    let echo = Echo::start(receipt.clone()).await?;
    let echoed = Arc::new(Target::new(&echo.address, &stand_keys(stand))?);
    let inserts = match stand {
        Some(stand) => Some(Inserting::open(stand, record(&events, receipt), args.batch).await?),
        None => None,
    };
    let mut seen = Seen::default();
    for _ in 0..rounds {
        steps.say("echo");
        seen.echo.add(unary(&echoed, &events, load(args.callers.into())).await?);
        steps.say("Track");
        seen.track.add(unary(target, &events, load(args.callers.into())).await?);
        steps.say("TrackBatch");
        seen.batch.add(batches(target, &events, load(in_flight), args.batch.into()).await?);
        if let Some(inserts) = &inserts {
            steps.say("the bare INSERT");
            seen.insert.add(inserts.drive(load(in_flight)).await?);
        }
    }
    if [&seen.echo, &seen.track, &seen.batch].into_iter().any(Sample::is_empty) {
        let what = "nothing was answered within --seconds: give it more, or fewer --callers";
        return Err(Failure::Other(what.into()));
    }
    report.echo_per_s = report.lines.note("Echo, one a call", &seen.echo, 1);
    report.track_per_s = report.lines.note("Track, one a call", &seen.track, 1);
    report.track_vs_echo = report.track_per_s / report.echo_per_s;
    (report.p50_us, report.p99_us) = (seen.track.quantile_us(0.5), seen.track.quantile_us(0.99));
    let size = usize::from(args.batch);
    report.batch_per_s = report.lines.note(format!("TrackBatch of {size}"), &seen.batch, size);
    if let Some(inserts) = inserts {
        let per_s = report.lines.note(format!("INSERT of {size}"), &seen.insert, size);
        report.insert_per_s = Some(per_s);
        report.batch_vs_insert = Some(report.batch_per_s / per_s);
        inserts.close().await;
    }

    if args.overload {
        steps.say("too many batches");
        let load = Load { callers: in_flight * TIMES, time };
        let seen = overload(target, &events, load, size).await?;
        let accepted = seen.accepted_per_second(load.whole()) * size as f64;
        report.overload_vs_batch = Some(accepted / report.batch_per_s);
        report.overload_p99_us = Some(seen.accepted_p99_us());
        report.refused_p99_us = Some(seen.refused_p99_us());
        report.refused_share = Some(seen.refused_share());
    }

    if let Some(stand) = stand {
        steps.say("the tail");
        let (p50, p99) = freshness(target, &events, time, (&stand.ingest, &stand.ctx)).await?;
        (report.tail_p50_ms, report.tail_p99_ms) = (Some(p50), Some(p99));
        report.rss_mib = memory_mib();
    }
    steps.end();
    Ok(report)
}

/// The first event tells that key and address are right, and what a receipt looks like.
async fn first(target: &Target, events: &Events) -> Result<Receipt, Failure> {
    let request = TrackRequest { event: Some(events.next()), ..Default::default() };
    let answer = target.client(0).track(target.request(0, request)).await;
    let answer = answer.map_err(Failure::call("the first event was not tracked"))?;
    Ok(answer.into_inner().receipt.unwrap_or_default())
}

async fn unary(target: &Arc<Target>, events: &Events, load: Load) -> Result<Sample, Failure> {
    let (target, events) = (Arc::clone(target), events.clone());
    load.drive(move |caller, _| {
        let (mut client, event) = (target.client(caller), Some(events.next()));
        let request = target.request(caller, TrackRequest { event, ..Default::default() });
        async move {
            client.track(request).await.map_err(Failure::call("an event was not tracked"))?;
            Ok(())
        }
    })
    .await
}

async fn batches(
    target: &Arc<Target>,
    events: &Events,
    load: Load,
    size: usize,
) -> Result<Sample, Failure> {
    let (target, events) = (Arc::clone(target), events.clone());
    load.drive(move |caller, _| {
        let (target, events) = (Arc::clone(&target), events.clone());
        async move { send(&target, caller, events.batch(size)).await }
    })
    .await
}

/// What was seen of each, round by round.
#[derive(Default)]
struct Seen {
    echo: Sample,
    track: Sample,
    batch: Sample,
    insert: Sample,
}

/// The bare INSERT, ready to be measured.
struct Inserting {
    inserts: Inserts,
    records: Arc<[Vec<u8>]>,
    seq: Arc<AtomicI64>,
}

impl Inserting {
    async fn open(stand: &Stand, record: Vec<u8>, size: u16) -> Result<Self, Failure> {
        let inserts = Inserts::open(stand.database_url.clone(), INSERT_CONNECTIONS).await?;
        let records = vec![record; size.into()].into();
        // Runs on one database do not meet: none began in the same microsecond.
        let seq = Arc::new(AtomicI64::new(stand.ctx.clock.now().micros()));
        Ok(Self { inserts, records, seq })
    }

    async fn drive(&self, load: Load) -> Result<Sample, Failure> {
        let (inserts, records) = (self.inserts.clone(), Arc::clone(&self.records));
        let seq = Arc::clone(&self.seq);
        let rows = i64::try_from(records.len()).unwrap_or(i64::MAX);
        load.drive(move |caller, _| {
            let (inserts, records) = (inserts.clone(), Arc::clone(&records));
            let first = seq.fetch_add(rows, Ordering::Relaxed);
            let partition = i64::try_from(caller % 64).unwrap_or(0);
            async move { inserts.insert(partition, first, records).await }
        })
        .await
    }

    async fn close(self) {
        self.inserts.close().await;
    }
}

/// What the ledger stores for one of these events.
fn record(events: &Events, receipt: Receipt) -> Vec<u8> {
    let event = Some(events.next());
    LedgerRecord { event, valuation: receipt.valuation, ..Default::default() }.encode_to_vec()
}

fn stand_keys(stand: Option<&Stand>) -> Vec<secrecy::SecretString> {
    // The echo looks at no key, but its callers carry one, as all callers do.
    stand.map_or_else(|| vec!["tally_live_none".to_owned().into()], |stand| stand.keys.clone())
}
