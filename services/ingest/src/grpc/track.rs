//! Track and TrackBatch.

use chassis::auth::Principal;
use fault::{ErrorReason, Fault, Violations};
use wire::common::v1::Refusal;
use wire::ingest::v1::track_result::Result as Outcome;
use wire::ingest::v1::{Receipt, TrackBatchRequest, TrackRequest, TrackResult};

use super::record::{Place, portion};
use super::{IngestApi, patience, position, render};
use crate::committer::WhenFull;
use crate::domain::limits::CALL_EVENTS_MAX;
use crate::limits::Recorder;

impl IngestApi {
    pub(super) async fn track_one(
        &self,
        caller: &Principal,
        request: TrackRequest,
    ) -> Result<Receipt, Fault> {
        let mut v = Violations::new();
        let version = position(&mut v, "catalog_at_least", &request.catalog_at_least);
        if request.event.is_none() {
            v.add("event", ErrorReason::Required, "is required: the event to track");
        }
        v.finish()?;
        self.0.catalog_at_least(version, patience()).await?;
        let gate = self.gate(caller).await?;
        let event = request.event.unwrap_or_default();
        let targets = self.targets(gate.workspace, [&event].into_iter()).await?;
        let ready = self.ready(&gate, event, &targets, Place::Event)?;
        if request.validate_only {
            return Ok(render::receipt(None, false, ready.record));
        }
        self.commit_one(ready, Recorder::Caller).await
    }

    pub(super) async fn track_many(
        &self,
        caller: &Principal,
        request: TrackBatchRequest,
    ) -> Result<Vec<TrackResult>, Fault> {
        let mut v = Violations::new();
        let version = position(&mut v, "catalog_at_least", &request.catalog_at_least);
        match request.events.len() {
            0 => v.add("events", ErrorReason::Required, "holds 1 to 1,000 events; none was sent"),
            1..=CALL_EVENTS_MAX => {}
            sent => {
                let what = format!("holds at most {CALL_EVENTS_MAX} events; {sent} were sent");
                v.add("events", ErrorReason::TooManyEvents, what);
            }
        }
        v.finish()?;
        self.0.catalog_at_least(version, patience()).await?;
        let gate = self.gate(caller).await?;
        let mut results = Vec::with_capacity(request.events.len());
        let events = request.events.into_iter().enumerate();
        let mut events = events.map(|(n, event)| (Place::Nth(n), event)).collect();
        loop {
            let portion = portion(&mut events);
            if portion.is_empty() {
                return Ok(results);
            }
            results.extend(
                self.record(&gate, portion, WhenFull::Refuse).await?.into_iter().map(result),
            );
        }
    }
}

/// One item's answer.
pub(super) fn result(outcome: Result<Receipt, Fault>) -> TrackResult {
    let result = match outcome {
        Ok(receipt) => Outcome::Receipt(receipt),
        Err(fault) => Outcome::Refusal(Refusal::from(&fault)),
    };
    TrackResult { result: Some(result) }
}
