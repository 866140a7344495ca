//! From the answer of Track to the entry's arrival at a consumer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::{Context, SystemClock, connect};
use http::Uri;
use kernel::{Clock as _, Position, Timestamp};
use wire::common::v1 as common;
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;
use wire::ingest::v1::{GetHeadsRequest, TailRequest, TrackRequest};

use super::load::quantile;
use super::{Events, Target, paced};
use crate::failure::Failure;

/// What is still under way when the last call was answered may take this long to arrive.
const PATIENCE: Duration = Duration::from_secs(2);

/// When each entry was acknowledged, and when it arrived; whichever came first waits here.
#[derive(Default)]
struct Log {
    acked: HashMap<Position, Timestamp>,
    arrived: HashMap<Position, Timestamp>,
    late_us: Vec<u64>,
}

impl Log {
    fn match_up(&mut self, position: Position, acked: Timestamp, arrived: Timestamp) {
        self.acked.remove(&position);
        self.arrived.remove(&position);
        // An entry may well arrive before its caller has heard of it: that is no time at all.
        let late = arrived.since(acked).as_micros();
        self.late_us.push(u64::try_from(late).unwrap_or(u64::MAX));
    }
}

/// Tracks at a steady pace for `time` while tailing; answers milliseconds at the median and at 99 %.
pub(crate) async fn freshness(
    target: &Arc<Target>,
    events: &Events,
    time: Duration,
    (ingest, ctx): (&Uri, &Context),
) -> Result<(f64, f64), Failure> {
    let log = Arc::new(Mutex::new(Log::default()));
    let tail = tail(ingest, ctx, Arc::clone(&log)).await?;
    let (callers, events, acks) = (Arc::clone(target), events.clone(), Arc::clone(&log));
    paced(time, move |caller, _| {
        let (mut client, event) = (callers.client(caller), Some(events.next()));
        let request = callers.request(caller, TrackRequest { event, ..Default::default() });
        let log = Arc::clone(&acks);
        async move {
            let answer = client.track(request).await;
            let answer = answer.map_err(Failure::call("an event was not tracked"))?;
            let acked = SystemClock.now();
            let receipt = answer.into_inner().receipt.unwrap_or_default();
            if let Ok(position) = receipt.position.parse::<Position>() {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                match log.arrived.get(&position).copied() {
                    Some(arrived) => log.match_up(position, acked, arrived),
                    None => drop(log.acked.insert(position, acked)),
                }
            }
            Ok(())
        }
    })
    .await?;
    let waiting = || !log.lock().unwrap_or_else(PoisonError::into_inner).acked.is_empty();
    let end = SystemClock.now().plus(PATIENCE);
    let mut look = tokio::time::interval(Duration::from_millis(5));
    while waiting() && SystemClock.now() < end {
        look.tick().await;
    }
    tail.abort();
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    if !log.acked.is_empty() {
        let missing = log.acked.len();
        return Err(Failure::Other(format!("{missing} entries never reached the tail")));
    }
    log.late_us.sort_unstable();
    let ms = |share| quantile(&log.late_us, share) as f64 / 1_000.0;
    Ok((ms(0.5), ms(0.99)))
}

/// Follows every partition from where it ends now.
async fn tail(
    ingest: &Uri,
    ctx: &Context,
    log: Arc<Mutex<Log>>,
) -> Result<tokio::task::JoinHandle<()>, Failure> {
    let mut ledger = LedgerServiceClient::new(connect(ingest, "bench", ctx));
    let failed = Failure::call("the ledger was not tailed");
    let heads = ledger.get_heads(GetHeadsRequest {}).await.map_err(&failed)?.into_inner().heads;
    let request = TailRequest { consumer: "bench".to_owned(), cursors: heads };
    let mut stream = ledger.tail(request).await.map_err(&failed)?.into_inner();
    Ok(tokio::spawn(async move {
        // When the stream breaks, what is missing is told at the end.
        while let Ok(Some(message)) = stream.message().await {
            let arrived = SystemClock.now();
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            for entry in message.entries {
                let position = common::Position { partition: message.partition, seq: entry.seq };
                let Ok(number) = i16::try_from(position.partition) else { continue };
                let Some(partition) = kernel::Partition::new(number) else { continue };
                let position = Position { partition, seq: position.seq };
                match log.acked.get(&position).copied() {
                    Some(acked) => log.match_up(position, acked, arrived),
                    None => drop(log.arrived.insert(position, arrived)),
                }
            }
        }
    }))
}
