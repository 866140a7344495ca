//! ReviseOutcome and Retract: the corrections a person makes, each an event of its own.

use chassis::auth::Principal;
use fault::{Fault, Violations};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{
    Event, OutcomeRevised, Receipt, RetractRequest, Retracted, ReviseOutcomeRequest,
};

use super::IngestApi;
use super::bodies::{self, Check};
use super::corrections;
use super::record::Place;
use crate::limits::Recorder;

impl IngestApi {
    pub(super) async fn revise(
        &self,
        caller: &Principal,
        request: ReviseOutcomeRequest,
    ) -> Result<Receipt, Fault> {
        let ReviseOutcomeRequest { event_id, outcome, human_edit_ms, reason, request_id } = request;
        let body = OutcomeRevised { event_id, outcome, human_edit_ms, reason };
        let mut v = Violations::new();
        let mut c = Check { violations: &mut v, path: "" };
        bodies::outcome_revised(&body, &mut c);
        c.identifier("request_id", &request_id);
        v.finish()?;
        self.correct(caller, request_id, Body::OutcomeRevised(body)).await
    }

    pub(super) async fn take_back(
        &self,
        caller: &Principal,
        request: RetractRequest,
    ) -> Result<Receipt, Fault> {
        let RetractRequest { event_id, reason, request_id } = request;
        let body = Retracted { event_id, reason };
        let mut v = Violations::new();
        let mut c = Check { violations: &mut v, path: "" };
        bodies::retracted(&body, &mut c);
        c.identifier("request_id", &request_id);
        v.finish()?;
        self.correct(caller, request_id, Body::Retracted(body)).await
    }

    /// The same entry as Track would make of it, so the same request sent either way is one entry.
    async fn correct(
        &self,
        caller: &Principal,
        idempotency_key: String,
        body: Body,
    ) -> Result<Receipt, Fault> {
        let gate = self.gate(caller).await?;
        let mut event = Event { idempotency_key, body: Some(body), ..Default::default() };
        let targets = self.targets(gate.workspace, [&event].into_iter()).await?;
        let target = corrections::target(&event, &targets)?;
        let corrected = target.and_then(|target| target.event.as_ref());
        event.agent_id = corrected.map(|event| event.agent_id.clone()).unwrap_or_default();
        let ready = self.ready(&gate, event, &targets, Place::Event)?;
        self.commit_one(ready, Recorder::Caller).await
    }
}
