//! What one step was worth on the day it was done.

use kernel::{Effort, Outcome, SavingsPolicy, WorkspaceId, credit};

use super::catalog::{Asked, Baseline, BaselineSource, Catalog, Policy, Rate, UnknownTaskType};
use super::cost::Cost;
use super::task::Task;

/// Stamped on the entry; history never changes by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Valuation {
    pub(crate) baseline: Baseline,
    pub(crate) rate: Rate,
    pub(crate) policy: Policy,
    pub(crate) outcome: Outcome,
    pub(crate) credited_ms: i64,
    /// `None`: unknown, and counted as uncosted.
    pub(crate) cost: Option<Cost>,
}

/// What turns a judgement of a step into credit: fixed on the day the step was valued, and the same for
/// every later judgement of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) baseline_ms: i64,
    pub(crate) policy: SavingsPolicy,
    pub(crate) subtract_agent_duration: bool,
    pub(crate) review_percent: i64,
    pub(crate) duration_ms: Option<i64>,
}

impl Terms {
    pub(crate) fn credited_ms(&self, outcome: Outcome, human_edit_ms: Option<i64>) -> i64 {
        let agent_ms = self.duration_ms.filter(|_| self.subtract_agent_duration).unwrap_or(0);
        let Self { baseline_ms, review_percent, .. } = *self;
        let effort = Effort { baseline_ms, agent_ms, human_edit_ms, review_percent };
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
        review_percent: policy.review_percent,
        duration_ms: task.duration_ms,
    };
    let outcome = task.judged(policy.edit_ratio_percent);
    Ok(Valuation {
        credited_ms: terms.credited_ms(outcome, task.human_edit_ms),
        cost: task.spent().cost(workspace, catalog, rate.currency),
        baseline,
        rate,
        policy,
        outcome,
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
    use crate::domain::pricing::{TokenKind, TokenPrice, Tokens};
    use crate::domain::{Change, CostSource, Fact, ModelName};
    use kernel::{Currency, Money, Timestamp};
    use proptest::prelude::*;

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
            model: String::new(),
            tokens: Tokens::default(),
        }
    }

    /// USD 2.50 a million tokens read, from "p1" on; EUR 0.92 a dollar, from "f1" on.
    fn priced(workspace: WorkspaceId) -> Catalog {
        let mut catalog = catalog(workspace);
        let usd = Currency::new("USD").unwrap();
        let mut learn = |version: &str, fact| {
            let (owner, effective) = (Some(workspace), Timestamp::EPOCH);
            catalog.learn(Change { owner, effective, version: version.into(), fact });
        };
        let input = TokenPrice {
            kind: TokenKind::Input,
            input_tokens_min: 0,
            micros_per_million: 2_500_000,
        };
        let name = ModelName::Exact("gpt-4o".into());
        let price = Some((usd, vec![input]));
        learn("p1", Fact::Price { provider: "".into(), name, tier: None, price });
        learn("f1", Fact::Fx { pair: (usd, Currency::EUR), nanos: 920_000_000 });
        catalog
    }

    #[test]
    fn what_a_step_cost_is_sent_or_computed_or_unknown() {
        let workspace = WorkspaceId::new(1).unwrap();
        let priced = priced(workspace);
        let cost = |task: &Task| value(task, workspace, &priced).unwrap().cost;
        let tokens = Tokens { input: 1_000, ..Tokens::default() };
        let computed = Task { model: "gpt-4o".into(), tokens, ..draft(Outcome::Success) };
        let found = cost(&computed).unwrap();
        assert_eq!(found.source, CostSource::Computed { price_version: "p1".into() });
        let (euros, rate) = found.converted.unwrap();
        assert_eq!((found.money.micros, euros.micros, rate.version.as_str()), (2_500, 2_300, "f1"));

        let sent = Money { micros: 12_000, currency: Currency::EUR };
        let found = cost(&Task { agent_cost: Some(sent), ..computed.clone() }).unwrap();
        assert_eq!(
            (found.money, found.source, found.converted),
            (sent, CostSource::Provided, None)
        );
        assert_eq!(cost(&Task { model: "gpt-5".into(), ..computed.clone() }), None, "unpriced");
        assert_eq!(
            cost(&Task { tokens: Tokens::default(), ..computed.clone() }),
            None,
            "uncounted"
        );
        let earlier = Timestamp::EPOCH.minus(std::time::Duration::from_secs(1));
        assert_eq!(cost(&Task { occurred: earlier, ..computed }), None, "before the price");
        let yen = Money { micros: 1, currency: Currency::new("JPY").unwrap() };
        let found = cost(&Task { agent_cost: Some(yen), ..draft(Outcome::Success) }).unwrap();
        assert_eq!((found.money, found.converted), (yen, None), "unconverted, and said so");
    }

    #[test]
    fn the_workspaces_policy_says_what_a_review_is_worth_and_when_a_success_is_one() {
        let workspace = WorkspaceId::new(1).unwrap();
        let mut catalog = catalog(workspace);
        let fact = Fact::Policy {
            policy: SavingsPolicy::Credited,
            subtract_agent_duration: true,
            review_percent: 25,
            edit_ratio_percent: 10,
        };
        let (owner, effective) = (Some(workspace), Timestamp::EPOCH);
        catalog.learn(Change { owner, effective, version: "7".into(), fact });
        let rewritten = Task { edit_ratio: Some(0.1), ..draft(Outcome::Success) };
        let valued = value(&rewritten, workspace, &catalog).unwrap();
        assert_eq!((valued.outcome, valued.credited_ms), (Outcome::NeedsReview, 2 * MINUTE));
        assert_eq!(valued.policy.version, "7");
    }

    proptest! {
        /// Whatever is sent: credit stays between nothing and the baseline (a failure's review aside), a
        /// cost that was sent is the cost, and the same step is worth the same twice.
        #[test]
        fn a_valuation_keeps_its_bounds(
            outcome in proptest::sample::select(Outcome::ALL.to_vec()),
            duration in proptest::option::of(0i64..86_400_000),
            edited in proptest::option::of(0i64..86_400_000),
            ratio in proptest::option::of(0.0f64..=1.0),
            sent in proptest::option::of(0i64..1_000_000_000_000),
            input in 0i64..1_000_000_000,
        ) {
            let workspace = WorkspaceId::new(1).unwrap();
            let priced = priced(workspace);
            let sent = sent.map(|micros| Money { micros, currency: Currency::EUR });
            let task = Task {
                duration_ms: duration,
                human_edit_ms: edited,
                edit_ratio: ratio,
                agent_cost: sent,
                model: "gpt-4o".into(),
                tokens: Tokens { input, ..Tokens::default() },
                ..draft(outcome)
            };
            let valued = value(&task, workspace, &priced).unwrap();
            prop_assert!((0..=8 * MINUTE).contains(&valued.credited_ms));
            prop_assert_eq!(valued.cost.is_some(), sent.is_some() || input > 0);
            if let (Some(sent), Some(cost)) = (sent, &valued.cost) {
                prop_assert_eq!((cost.money, &cost.source), (sent, &CostSource::Provided));
            }
            prop_assert_eq!(&value(&task, workspace, &priced).unwrap(), &valued);
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
