//! What one step was worth on the day it was done.

use kernel::{Effort, Outcome, SavingsPolicy, WorkspaceId, credit};

use super::catalog::{Asked, Baseline, BaselineSource, Catalog, Rate, UnknownTaskType};
use super::task::Task;

/// Stamped on the entry; history never changes by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Valuation {
    pub(crate) baseline: Baseline,
    pub(crate) rate: Rate,
    pub(crate) policy: SavingsPolicy,
    pub(crate) subtract_agent_duration: bool,
    pub(crate) outcome: Outcome,
    pub(crate) credited_ms: i64,
    pub(crate) costed: bool,
}

/// What turns a judgement of a step into credit: fixed on the day the step was valued, and the same for
/// every later judgement of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) baseline_ms: i64,
    pub(crate) policy: SavingsPolicy,
    pub(crate) subtract_agent_duration: bool,
    pub(crate) duration_ms: Option<i64>,
}

impl Terms {
    pub(crate) fn credited_ms(&self, outcome: Outcome, human_edit_ms: Option<i64>) -> i64 {
        let agent_ms = self.duration_ms.filter(|_| self.subtract_agent_duration).unwrap_or(0);
        let effort = Effort { baseline_ms: self.baseline_ms, agent_ms, human_edit_ms };
        credit(self.policy, outcome, &effort)
    }
}

/// Values a step by the catalog in force when it was done. A task type without a baseline is unknown
/// unless the event brings its own.
pub(crate) fn value(
    task: &Task,
    workspace: WorkspaceId,
    catalog: &Catalog,
) -> Result<Valuation, UnknownTaskType> {
    let baseline = baseline(task, workspace, catalog)?;
    let rate = catalog.rate(workspace, &task.agent_id, task.occurred);
    let policy = catalog.policy(workspace, task.occurred);
    let terms = Terms {
        baseline_ms: baseline.ms,
        policy: policy.kind,
        subtract_agent_duration: policy.subtract_agent_duration,
        duration_ms: task.duration_ms,
    };
    let outcome = task.judged();
    Ok(Valuation {
        credited_ms: terms.credited_ms(outcome, task.human_edit_ms),
        baseline,
        rate,
        policy: policy.kind,
        subtract_agent_duration: policy.subtract_agent_duration,
        outcome,
        costed: task.agent_cost.is_some(),
    })
}

fn baseline(
    task: &Task,
    workspace: WorkspaceId,
    catalog: &Catalog,
) -> Result<Baseline, UnknownTaskType> {
    if let Some(ms) = task.baseline_ms {
        let version = "request".to_owned();
        return Ok(Baseline { ms, source: BaselineSource::Request, version });
    }
    let asked =
        Asked { task_type: &task.task_type, language: &task.language, channel: &task.channel };
    catalog
        .baseline(workspace, asked, task.occurred)?
        .cloned()
        .ok_or_else(|| UnknownTaskType { sent: task.task_type.clone(), nearest: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::BaselineKey;
    use crate::domain::{Change, Fact};
    use kernel::{Currency, Timestamp};

    const MINUTE: i64 = 60_000;

    fn catalog(workspace: WorkspaceId) -> Catalog {
        let mut catalog = Catalog::default();
        let mut learn = |owner, fact| {
            catalog.learn(Change { owner, effective: Timestamp::MIN, version: "1".into(), fact });
        };
        let key = BaselineKey {
            task_type: "customer_email_draft".into(),
            language: String::new(),
            channel: String::new(),
        };
        learn(None, Fact::TaskType { key: key.task_type.clone(), aliases: vec![], active: true });
        learn(None, Fact::Baseline { key, ms: Some(8 * MINUTE), source: BaselineSource::BuiltIn });
        let rate = Some((85_000_000, Currency::EUR));
        learn(Some(workspace), Fact::Rate { agent_id: String::new(), rate });
        catalog
    }

    fn draft(outcome: Outcome) -> Task {
        Task {
            agent_id: "support-triage".into(),
            task_type: "customer_email_draft".into(),
            language: String::new(),
            channel: String::new(),
            outcome,
            occurred: Timestamp::EPOCH,
            duration_ms: None,
            human_edit_ms: None,
            edit_ratio: None,
            baseline_ms: None,
            agent_cost: None,
        }
    }

    #[test]
    fn a_draft_that_was_sent_saves_eight_minutes_at_85_euros_an_hour() {
        let workspace = WorkspaceId::new(1).unwrap();
        let valued = value(&draft(Outcome::Success), workspace, &catalog(workspace)).unwrap();
        assert_eq!(valued.credited_ms, 8 * MINUTE);
        assert_eq!(valued.rate.micros_per_hour, 85_000_000);
        assert_eq!(valued.baseline.source, BaselineSource::BuiltIn);
    }

    #[test]
    fn a_success_that_was_rewritten_counts_as_needs_review() {
        let workspace = WorkspaceId::new(1).unwrap();
        let rewritten = Task { edit_ratio: Some(0.25), ..draft(Outcome::Success) };
        let valued = value(&rewritten, workspace, &catalog(workspace)).unwrap();
        assert_eq!((valued.outcome, valued.credited_ms), (Outcome::NeedsReview, 4 * MINUTE));
    }

    #[test]
    fn the_events_own_baseline_comes_first_even_for_an_unknown_type() {
        let workspace = WorkspaceId::new(1).unwrap();
        let own = Task {
            task_type: "our_own".into(),
            baseline_ms: Some(3 * MINUTE),
            duration_ms: Some(MINUTE),
            ..draft(Outcome::Success)
        };
        let valued = value(&own, workspace, &catalog(workspace)).unwrap();
        assert_eq!(
            (valued.baseline.source, valued.credited_ms),
            (BaselineSource::Request, 2 * MINUTE)
        );
    }
}
