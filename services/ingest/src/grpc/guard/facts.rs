//! What the catalog says of intents and models, as far as the guard has a use for it.

use std::time::Duration;

use wire::catalog::v1 as catalog;

use crate::domain::Fact;
use crate::domain::guard::{IntentRules, Limits, Risk, Tier};

/// An intent; an archived one has no rules.
pub(in crate::grpc) fn intent(body: catalog::Intent) -> Fact {
    let active = body.state() != catalog::IntentState::Archived;
    let rules = active.then(|| {
        let mut allowed_tiers: Vec<Tier> = body.allowed_tiers().filter_map(tier).collect();
        allowed_tiers.sort_unstable();
        allowed_tiers.dedup();
        let limits = body.call_limits.clone().map(limits).unwrap_or_default();
        IntentRules { risk: risk(body.risk()), allowed_tiers, limits }
    });
    Fact::Intent { key: body.intent, rules }
}

fn limits(sent: catalog::CallLimits) -> Limits {
    let default = Limits::default();
    let or = |sent: Option<i32>, default| {
        sent.and_then(|sent| u32::try_from(sent).ok()).unwrap_or(default)
    };
    let memory = sent.memory_duration.and_then(|sent| {
        let (seconds, nanos) = (u64::try_from(sent.seconds).ok()?, u32::try_from(sent.nanos).ok()?);
        Some(Duration::new(seconds, nanos.min(999_999_999))).filter(|memory| !memory.is_zero())
    });
    Limits {
        retries_max: or(sent.retries_max, default.retries_max),
        identical_calls_max: or(sent.identical_calls_max, default.identical_calls_max),
        identical_retryable_calls_max: or(
            sent.identical_retryable_calls_max,
            default.identical_retryable_calls_max,
        ),
        polling_tools: sent.polling_tools,
        memory: memory.unwrap_or(default.memory),
    }
}

/// None: the price does not say.
pub(in crate::grpc) fn tier(sent: catalog::ModelTier) -> Option<Tier> {
    match sent {
        catalog::ModelTier::Unspecified => None,
        catalog::ModelTier::Small => Some(Tier::Small),
        catalog::ModelTier::Standard => Some(Tier::Standard),
        catalog::ModelTier::Large => Some(Tier::Large),
    }
}

/// A risk nobody stated is not taken for a high one: that would deny what was a warning.
fn risk(sent: catalog::RiskLevel) -> Risk {
    match sent {
        catalog::RiskLevel::Unspecified | catalog::RiskLevel::Low => Risk::Low,
        catalog::RiskLevel::Medium => Risk::Medium,
        catalog::RiskLevel::High => Risk::High,
        catalog::RiskLevel::Critical => Risk::Critical,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use kernel::{Timestamp, WorkspaceId};
    use wire::catalog::v1::change::Body;

    use super::*;
    use crate::domain::guard::Intent;
    use crate::domain::pricing::Model;
    use crate::domain::{Catalog, Patterns};
    use crate::grpc::parse_change;

    fn learn(catalog: &mut Catalog, owner: Option<WorkspaceId>, seconds: i64, body: Body) {
        let change = catalog::Change {
            workspace_id: owner.map(|owner| owner.to_string()).unwrap_or_default(),
            effective_time: Some(wire::Timestamp { seconds, nanos: 0 }),
            body: Some(body),
            ..Default::default()
        };
        if let Some(change) = parse_change(change, &mut Patterns::default()).unwrap() {
            catalog.learn(change);
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_parts(seconds, 0)
    }

    fn price(model: &str, model_match: catalog::ModelMatch, tier: catalog::ModelTier) -> Body {
        Body::ModelPrice(catalog::ModelPrice {
            model: model.into(),
            model_match: model_match.into(),
            tier: tier.into(),
            ..Default::default()
        })
    }

    #[test]
    fn an_intent_and_its_limits_hold_from_their_day_in_their_workspace() {
        let [ours, theirs] = [1, 2].map(|n| WorkspaceId::new(n).unwrap());
        let mut known = Catalog::default();
        let intent = catalog::Intent {
            intent: "refund".into(),
            risk: catalog::RiskLevel::High.into(),
            allowed_tiers: vec![3, 2, 2, 0, 77],
            call_limits: Some(catalog::CallLimits {
                retries_max: Some(0),
                identical_calls_max: None,
                memory_duration: Some(wire::Duration { seconds: 60, nanos: 0 }),
                polling_tools: vec!["job_status".into()],
                ..Default::default()
            }),
            ..Default::default()
        };
        learn(&mut known, Some(ours), 10, Body::Intent(intent.clone()));
        let archived = catalog::IntentState::Archived.into();
        learn(
            &mut known,
            Some(ours),
            20,
            Body::Intent(catalog::Intent { state: archived, ..intent }),
        );
        let rules = IntentRules {
            risk: Risk::High,
            allowed_tiers: vec![Tier::Standard, Tier::Large],
            limits: Limits {
                retries_max: 0,
                polling_tools: vec!["job_status".into()],
                memory: Duration::from_secs(60),
                ..Limits::default()
            },
        };
        assert_eq!(known.intent(ours, "refund", at(9)), Intent::Unknown);
        assert_eq!(known.intent(ours, "refund", at(10)), Intent::Known(rules));
        assert_eq!(known.intent(ours, "refund", at(20)), Intent::Unknown, "archived");
        assert_eq!(known.intent(theirs, "refund", at(10)), Intent::Unknown);
        assert_eq!(known.intent(ours, "", at(10)), Intent::Unnamed);
    }

    #[test]
    fn a_workspace_s_own_prices_go_before_the_built_in_ones() {
        use catalog::{ModelMatch, ModelTier};
        let [ours, theirs] = [1, 2].map(|n| WorkspaceId::new(n).unwrap());
        let mut known = Catalog::default();
        learn(&mut known, None, 0, price("gpt-4o", ModelMatch::Exact, ModelTier::Large));
        learn(&mut known, Some(ours), 10, price("gpt-.*", ModelMatch::Regex, ModelTier::Standard));
        let tier = |who, name, when| known.tier(who, Model { provider: "openai", name }, at(when));
        assert_eq!(tier(theirs, "gpt-4o", 10), Some(Tier::Large));
        assert_eq!(tier(ours, "gpt-4o", 9), Some(Tier::Large));
        assert_eq!(tier(ours, "gpt-4o", 10), Some(Tier::Standard));
        assert_eq!(tier(ours, "claude", 10), None);
    }

    #[test]
    fn a_pattern_that_is_none_ends_nothing() {
        let mut known = Catalog::default();
        let bad = price("a)|(b", catalog::ModelMatch::Regex, catalog::ModelTier::Small);
        learn(&mut known, None, 0, bad);
        assert_eq!(
            known.tier(WorkspaceId::new(1).unwrap(), Model { provider: "", name: "a" }, at(1)),
            None
        );
    }
}
