//! GuardService: a call is checked, and a denial becomes an entry of the ledger.

mod args;
mod denial;
mod facts;
mod parse;
mod tool_results;

use std::time::Duration;

use chassis::auth::Principal;
use fault::{ErrorReason, Fault};
use tonic::{Request, Response, Status};
use wire::ingest::v1::guard_service_server::GuardService;
use wire::ingest::v1::{CheckCallRequest, CheckCallResponse, Event, GuardVerdict};

use super::IngestApi;
use super::corrections::Targets;
use super::record::Place;
use crate::domain::guard::{Decision, Rule, Verdict};
use crate::limits::Recorder;

#[cfg(test)]
pub(crate) use args::hash as args_hash;
pub(super) use facts::{intent, tier};
pub(super) use tool_results::note;

/// How long a denial waits for its entry. The caller is about to do something else: it must not wait out
/// an outage of the database for an answer that is known.
const RECORDED_WITHIN: Duration = Duration::from_millis(500);

pub(crate) struct GuardApi(pub(crate) IngestApi);

#[tonic::async_trait]
impl GuardService for GuardApi {
    async fn check_call(
        &self,
        request: Request<CheckCallRequest>,
    ) -> Result<Response<CheckCallResponse>, Status> {
        let caller = Principal::from(&request)?;
        let workspace = caller.workspace()?;
        let request = request.into_inner();
        let asked = parse::asked(workspace, &request)?;
        let checked = self.0.0.guard.check(&asked).await;
        if checked.decision.verdict == Verdict::Deny {
            let now = self.0.0.clock.now();
            self.record(&caller, denial::event(&request, &asked, &checked, now)).await;
        }
        Ok(Response::new(answer(checked.decision)))
    }
}

impl GuardApi {
    /// Records a denial. Whatever becomes of it, the verdict stands.
    async fn record(&self, caller: &Principal, denial: Event) {
        let recorded = tokio::time::timeout(RECORDED_WITHIN, self.append(caller, denial)).await;
        let recorded = recorded.unwrap_or_else(|_| {
            Err(Fault::deadline(ErrorReason::StorageUnavailable, "the commit takes too long"))
        });
        if let Err(fault) = recorded {
            tracing::debug!(why = fault.public(), "a denial was not recorded");
            self.0.0.guard.unrecorded();
        }
    }

    async fn append(&self, caller: &Principal, denial: Event) -> Result<(), Fault> {
        let gate = self.0.gate(caller).await?;
        let ready = self.0.ready(&gate, denial, &Targets::default(), Place::Event)?;
        self.0.commit_one(ready, Recorder::Guard).await.map(drop)
    }
}

fn answer(decision: Decision) -> CheckCallResponse {
    let verdict = match decision.verdict {
        Verdict::Allow => GuardVerdict::Allow,
        Verdict::Warn => GuardVerdict::Warn,
        Verdict::Deny => GuardVerdict::Deny,
    };
    CheckCallResponse {
        verdict: verdict.into(),
        rule: decision.rule.map_or("", Rule::name).to_owned(),
        seen: whole(decision.seen),
        limit: whole(decision.limit),
        failed_open: decision.failed_open,
        message: decision.why,
    }
}

/// As the contract counts.
fn whole(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
