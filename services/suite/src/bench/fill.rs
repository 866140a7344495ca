//! Filling a ledger through TrackBatch, some batches at a time.

use std::io::IsTerminal as _;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use wire::ingest::v1::track_result::Result as Outcome;
use wire::ingest::v1::{Event, TrackBatchRequest};

use super::Target;
use crate::failure::Failure;

/// Of so many callers one sends batches: while some are written, others must be on their way.
const CALLERS_A_BATCH: usize = 8;
/// What ingest serves one workspace at once by default; one more would be refused.
const BATCHES_MAX: usize = 32;

/// How many batches are on their way at once where so many callers would send single events.
pub(crate) fn batches_in_flight(callers: u16) -> usize {
    usize::from(callers).div_ceil(CALLERS_A_BATCH).min(BATCHES_MAX)
}

/// How a ledger is filled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fill {
    pub(crate) events: u64,
    /// Events of one call.
    pub(crate) batch: usize,
    /// Calls on their way at once.
    pub(crate) in_flight: usize,
}

impl Fill {
    /// Tracks what `make` gives for the nth batch, which is to hold so many events: the caller, whose
    /// key it is tracked with, and the events.
    pub(crate) async fn run<M>(self, target: &Arc<Target>, make: M) -> Result<(), Failure>
    where
        M: Fn(u64, usize) -> (usize, Vec<Event>),
    {
        let bar = bar(self.events);
        let whole = self.batch as u64;
        stream::iter(0..self.events.div_ceil(whole))
            .map(|nth| {
                let left = self.events - nth * whole;
                let size = usize::try_from(left).unwrap_or(usize::MAX).min(self.batch);
                let (target, bar, make) = (Arc::clone(target), bar.clone(), &make);
                async move {
                    let (caller, events) = make(nth, size);
                    if send(&target, caller, events).await.is_err() {
                        // A connection ends when it is ten minutes old, and filling may take longer: a call
                        // that is about to go out just then fails, and has to be sent again.
                        let (caller, events) = make(nth, size);
                        send(&target, caller, events).await?;
                    }
                    bar.inc(size as u64);
                    Ok::<_, Failure>(())
                }
            })
            .buffer_unordered(self.in_flight)
            .try_collect::<()>()
            .await?;
        bar.finish_and_clear();
        Ok(())
    }
}

/// Tracks a batch; a refused event is an error.
pub(crate) async fn send(
    target: &Target,
    caller: usize,
    events: Vec<Event>,
) -> Result<(), Failure> {
    let message = TrackBatchRequest { events, ..Default::default() };
    let answer = target.client(caller).track_batch(target.request(caller, message)).await;
    let answer = answer.map_err(Failure::call("a batch was not tracked"))?;
    for result in answer.into_inner().results {
        if let Some(Outcome::Refusal(refusal)) = result.result {
            return Err(Failure::Other(format!("an event was refused: {}", refusal.message)));
        }
    }
    Ok(())
}

fn bar(wanted: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = "filling the ledger  {wide_bar} {human_pos}/{human_len} events  {eta}";
    let style = ProgressStyle::with_template(style);
    ProgressBar::new(wanted).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
