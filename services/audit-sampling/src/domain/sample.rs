//! A step that was taken, and the sample it becomes when it is drawn.

use std::fmt;

use kernel::{EventId, Outcome, Timestamp, WorkspaceId};

use super::plan::DEFAULT_PLAN;
use super::{Period, Probability};

/// One completed task, as far as drawing and reviewing need it. Empty texts are unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) event: EventId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) recorded: Timestamp,
    pub(crate) occurred: Timestamp,
    pub(crate) agent_id: String,
    pub(crate) task_type: String,
    pub(crate) outcome: Outcome,
    pub(crate) ticket_id: String,
    pub(crate) intent: String,
    pub(crate) channel: String,
    pub(crate) language: String,
}

impl Step {
    /// The stratum it counts in. Language is the one dimension known when a step is recorded; risk
    /// and path are known when its ticket closes.
    pub(crate) fn stratum(&self) -> String {
        let language = if self.language.is_empty() { "unknown" } else { &self.language };
        format!("language={}", language.to_lowercase())
    }
}

/// A step that was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) step: Step,
    pub(crate) plan_id: String,
    pub(crate) plan_version: i64,
    pub(crate) period: Period,
    pub(crate) stratum: String,
    pub(crate) probability: Probability,
    pub(crate) state: State,
}

impl Sample {
    /// Follows from the event and the plan: a replay gives the same sample the same id.
    pub(crate) fn id(&self) -> SampleId<'_> {
        SampleId { event: self.step.event, plan_id: &self.plan_id }
    }
}

/// `sm_…`, the event's own characters; a plan other than the default is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SampleId<'s> {
    event: EventId,
    plan_id: &'s str,
}

impl fmt::Display for SampleId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.event.to_string();
        let place = event.strip_prefix("ev_").expect("an event id is written ev_…");
        write!(f, "sm_{place}")?;
        if self.plan_id == DEFAULT_PLAN.id { Ok(()) } else { write!(f, "_{}", self.plan_id) }
    }
}

/// How far the review of a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Drawn; its text has not been submitted.
    AwaitingExchange,
    /// Ready to be claimed.
    Open,
    /// A reviewer holds it.
    Claimed,
    /// Reviewers disagree.
    Disputed,
    /// It has a verdict that counts.
    Settled,
    /// Its event was retracted before it was settled.
    Withdrawn,
}

impl State {
    pub(crate) const ALL: [Self; 6] = [
        Self::AwaitingExchange,
        Self::Open,
        Self::Claimed,
        Self::Disputed,
        Self::Settled,
        Self::Withdrawn,
    ];
}
