//! TrackStream: events over one long call, results in the order sent.
//!
//! The stream is a loop that takes in what has arrived, records it in one append and answers, driven by
//! whoever reads the answers. While an append is in flight, events wait in the connection's window, and
//! the next append takes all that came; a caller that does not read its results is not read from either.
//! An append that finds the committer's queue full waits for room, which holds its caller back likewise.

use std::collections::VecDeque;
use std::time::Duration;

use chassis::auth::Principal;
use fault::{ErrorReason, Fault};
use futures_util::{FutureExt as _, Stream, stream};
use kernel::Timestamp;
use prost::Message as _;
use tonic::{Status, Streaming};
use wire::ingest::v1::{Event, TrackResult, TrackStreamRequest, TrackStreamResponse};

use super::IngestApi;
use super::record::{Place, portion};
use super::track::result;
use crate::committer::WhenFull;

/// Events taken in and not answered.
const EVENTS_MAX: usize = 1_024;
/// Their bytes, or one event more: many streams must fit one process, and events are small.
const BYTES_MAX: usize = 256 * 1024;
/// A revoked key ends its streams within this, as it ends calls.
const ADMITTED: Duration = Duration::from_secs(1);

struct Tracking {
    api: IngestApi,
    caller: Principal,
    admitted: Timestamp,
    requests: Streaming<TrackStreamRequest>,
    taken: VecDeque<(Place, Event)>,
    results: VecDeque<TrackResult>,
    /// How the stream ends once everything taken in is answered.
    end: Option<Result<(), Status>>,
}

/// The results of what `requests` brings.
pub(super) fn results(
    api: IngestApi,
    caller: Principal,
    requests: Streaming<TrackStreamRequest>,
) -> impl Stream<Item = Result<TrackStreamResponse, Status>> {
    let tracking = Tracking {
        admitted: api.0.clock.now(),
        api,
        caller,
        requests,
        taken: VecDeque::new(),
        results: VecDeque::new(),
        end: None,
    };
    stream::try_unfold(tracking, |mut tracking| async move {
        let next = tracking.next().await?;
        Ok(next.map(|result| (TrackStreamResponse { result: Some(result) }, tracking)))
    })
}

impl Tracking {
    async fn next(&mut self) -> Result<Option<TrackResult>, Status> {
        loop {
            if let Some(result) = self.results.pop_front() {
                return Ok(Some(result));
            }
            if !self.taken.is_empty() {
                self.record().await?;
                continue;
            }
            match self.end.take() {
                Some(end) => return end.map(|()| None),
                None => self.take_in().await,
            }
        }
    }

    /// Waits for an event, then takes all that are there already.
    async fn take_in(&mut self) {
        let api = self.api.clone();
        let first = tokio::select! {
            biased;
            () = api.0.stop.cancelled() => Err(stopping().into()),
            request = self.requests.message() => request,
        };
        let mut bytes = self.take(first);
        while self.end.is_none() && self.taken.len() < EVENTS_MAX && bytes < BYTES_MAX {
            let Some(request) = self.requests.message().now_or_never() else { break };
            bytes += self.take(request);
        }
    }

    fn take(&mut self, request: Result<Option<TrackStreamRequest>, Status>) -> usize {
        match request {
            Ok(Some(request)) => {
                let bytes = request.encoded_len();
                // An empty request is refused in its turn, like any event that says nothing.
                self.taken.push_back((Place::Event, request.event.unwrap_or_default()));
                return bytes;
            }
            Ok(None) => self.end = Some(Ok(())),
            Err(status) => self.end = Some(Err(chassis::unread(status))),
        }
        0
    }

    async fn record(&mut self) -> Result<(), Fault> {
        self.check_key().await?;
        // Anew each time: settings and the time of day change while a stream is open.
        let gate = self.api.gate(&self.caller).await?;
        let portion = portion(&mut self.taken);
        let full = WhenFull::Wait { stop: &self.api.0.stop };
        self.results.extend(self.api.record(&gate, portion, full).await?.into_iter().map(result));
        Ok(())
    }

    async fn check_key(&mut self) -> Result<(), Fault> {
        let now = self.api.0.clock.now();
        let Some(key_id) = self.caller.key_id() else { return Ok(()) };
        if now.since(self.admitted) >= ADMITTED {
            self.api.0.still_holds(key_id).await?;
            self.admitted = now;
        }
        Ok(())
    }
}

fn stopping() -> Fault {
    Fault::unavailable(
        ErrorReason::ShuttingDown,
        "ingest is stopping: send what has no result again, under the same idempotency keys",
    )
}
