//! Corrections: what may be corrected, and what the step is worth afterwards.
//!
//! Entries never change, so a target may be read long before its correction is appended: no race.

use std::collections::BTreeMap;

use fault::{ErrorReason, Fault};
use kernel::{Effort, EventId, Position, SavingsPolicy};
use wire::ingest::v1 as pb;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{Event, LedgerRecord, OutcomeRevised, Valuation};

use super::parse;
use crate::domain::Terms;

/// What the corrections of a call point at, as far as it is there and the workspace's own.
#[derive(Default)]
pub(super) struct Targets(BTreeMap<Position, LedgerRecord>);

impl FromIterator<(Position, LedgerRecord)> for Targets {
    fn from_iter<I: IntoIterator<Item = (Position, LedgerRecord)>>(found: I) -> Self {
        Self(found.into_iter().collect())
    }
}

/// Why an entry is not corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Missing,
    NoOutcome,
    Retraction,
}

/// Whether an event corrects another.
pub(super) fn is_correction(event: &Event) -> bool {
    matches!(&event.body, Some(Body::OutcomeRevised(_) | Body::Retracted(_)))
}

/// The entry a correction points at, if it says so in a readable way.
pub(super) fn target_of(event: &Event) -> Option<Position> {
    let id = match event.body.as_ref()? {
        Body::OutcomeRevised(body) => &body.event_id,
        Body::Retracted(body) => &body.event_id,
        _ => return None,
    };
    id.parse().ok().map(|EventId(position)| position)
}

/// The entry `event` may correct; `None` when it is no correction, or points nowhere.
pub(super) fn target<'t>(
    event: &Event,
    targets: &'t Targets,
) -> Result<Option<&'t LedgerRecord>, Wrong> {
    let Some(position) = target_of(event) else { return Ok(None) };
    let target = targets.0.get(&position).ok_or(Wrong::Missing)?;
    let corrected = target.event.as_ref().and_then(|event| event.body.as_ref());
    match (&event.body, corrected) {
        (Some(Body::OutcomeRevised(_)), Some(Body::TaskCompleted(_))) => Ok(Some(target)),
        (Some(Body::OutcomeRevised(_)), _) => Err(Wrong::NoOutcome),
        (_, Some(Body::Retracted(_))) => Err(Wrong::Retraction),
        _ => Ok(Some(target)),
    }
}

/// What a revised step is worth: by the baseline, the rate and the policy of its day. `None` where it was
/// taken unvalued.
pub(super) fn revised(target: &LedgerRecord, revision: &OutcomeRevised) -> Option<Valuation> {
    let valued = target.valuation.as_ref()?;
    let Some(Body::TaskCompleted(task)) = &target.event.as_ref()?.body else { return None };
    let terms = Terms {
        baseline_ms: valued.baseline_ms,
        policy: match valued.policy() {
            pb::SavingsPolicy::Unspecified => return None,
            pb::SavingsPolicy::Gross => SavingsPolicy::Gross,
            pb::SavingsPolicy::Credited => SavingsPolicy::Credited,
            pb::SavingsPolicy::Strict => SavingsPolicy::Strict,
        },
        subtract_agent_duration: valued.subtract_agent_duration,
        review_percent: valued
            .unmeasured_review_credit_percent
            .map_or(Effort::REVIEW_PERCENT, i64::from),
        duration_ms: task.duration_ms,
    };
    let human_edit_ms = revision.human_edit_ms.or(task.human_edit_ms);
    Some(Valuation {
        credited_ms: terms.credited_ms(parse::outcome(revision.outcome())?, human_edit_ms),
        outcome: revision.outcome,
        ..Valuation::clone(valued)
    })
}

/// The target as its correction keeps it: a chain of corrections must not nest.
pub(super) fn kept(target: &LedgerRecord) -> LedgerRecord {
    LedgerRecord { corrects: None, ..target.clone() }
}

impl Wrong {
    pub(super) fn reason(self) -> ErrorReason {
        match self {
            Self::Missing => ErrorReason::ResourceNotFound,
            Self::NoOutcome | Self::Retraction => ErrorReason::NotCorrectable,
        }
    }

    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Missing => "is no event of this workspace",
            Self::NoOutcome => "is no task_completed: nothing else has an outcome to revise",
            Self::Retraction => {
                "is a retraction, and those are not taken back: track the event again"
            }
        }
    }
}

/// How a call about one event says it.
impl From<Wrong> for Fault {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Missing => {
                Self::not_found(wrong.reason(), "no such event").with("resource", "event")
            }
            Wrong::NoOutcome | Wrong::Retraction => {
                Self::precondition(wrong.reason(), format!("event_id: {}", wrong.describe()))
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use wire::common::v1::Outcome;
    use wire::ingest::v1::TaskCompleted;

    const MINUTE: i64 = 60_000;

    /// Eight minutes by hand, one by the agent, changed by a third: a success that counts as needs_review.
    fn rewritten(policy: pb::SavingsPolicy) -> LedgerRecord {
        let task = TaskCompleted {
            outcome: Outcome::Success.into(),
            duration_ms: Some(MINUTE),
            edit_ratio: Some(0.33),
            ..Default::default()
        };
        let valuation = Valuation {
            baseline_ms: 8 * MINUTE,
            policy: policy.into(),
            subtract_agent_duration: true,
            rate_version: "7".into(),
            outcome: Outcome::NeedsReview.into(),
            ..Default::default()
        };
        let event = Event { body: Some(Body::TaskCompleted(task.into())), ..Default::default() };
        LedgerRecord {
            event: Some(event),
            valuation: Some(valuation.into()),
            ..LedgerRecord::default()
        }
    }

    fn minutes(policy: pb::SavingsPolicy, outcome: Outcome, edited: Option<i64>) -> i64 {
        let revision = OutcomeRevised {
            outcome: outcome.into(),
            human_edit_ms: edited.map(|minutes| minutes * MINUTE),
            ..Default::default()
        };
        let valuation = revised(&rewritten(policy), &revision).unwrap();
        assert_eq!((valuation.outcome(), valuation.rate_version.as_str()), (outcome, "7"));
        valuation.credited_ms / MINUTE
    }

    #[test]
    fn a_revised_outcome_earns_what_the_policy_of_that_day_gives() {
        use pb::SavingsPolicy::{Credited, Gross, Strict};
        assert_eq!(minutes(Credited, Outcome::Success, None), 7, "over what edit_ratio said");
        assert_eq!(minutes(Credited, Outcome::NeedsReview, Some(2)), 5);
        assert_eq!(minutes(Credited, Outcome::Failure, None), 0);
        assert_eq!(minutes(Strict, Outcome::Failure, Some(2)), -2);
        assert_eq!(minutes(Gross, Outcome::Failure, None), 7);
        assert_eq!(minutes(Gross, Outcome::Pending, None), 0);
    }

    #[test]
    fn a_step_that_was_taken_unvalued_stays_so() {
        let unvalued = LedgerRecord { valuation: None, ..rewritten(pb::SavingsPolicy::Gross) };
        let outcome = Outcome::Success.into();
        assert_eq!(revised(&unvalued, &OutcomeRevised { outcome, ..Default::default() }), None);
    }
}
