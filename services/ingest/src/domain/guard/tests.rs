//! The guard's rules by examples, and what must hold of any calls.

use std::time::Duration;

use kernel::Timestamp;
use proptest::prelude::*;

use super::*;

fn known(risk: Risk, allowed_tiers: &[Tier]) -> Intent {
    let allowed_tiers = allowed_tiers.to_vec();
    Intent::Known(IntentRules { risk, allowed_tiers, limits: Limits::default() })
}

fn tier_verdict(intent: &Intent, tier: Option<Tier>) -> (Verdict, Option<&'static str>) {
    let (Step::Done(decision) | Step::Count { so_far: decision, .. }) =
        before_model(intent, tier, 1);
    (decision.verdict, decision.rule.map(Rule::name))
}

#[test]
fn a_dearer_model_than_allowed_is_denied_and_a_weaker_one_only_where_the_risk_is_high() {
    use Tier::{Large, Small, Standard};
    let denied = (Verdict::Deny, Some("tier-policy"));
    let warned = (Verdict::Warn, Some("tier-policy"));
    let allowed = (Verdict::Allow, None);
    for (risk, tiers, tier, expected) in [
        (Risk::Low, vec![Small], Small, allowed),
        (Risk::Low, vec![], Large, allowed),
        (Risk::Low, vec![Small, Standard], Large, denied),
        (Risk::Critical, vec![Standard], Large, denied),
        (Risk::Low, vec![Standard], Small, warned),
        (Risk::Medium, vec![Large], Standard, warned),
        (Risk::High, vec![Standard], Small, denied),
        (Risk::Critical, vec![Large], Standard, denied),
        // A gap: small would do.
        (Risk::Low, vec![Small, Large], Standard, denied),
    ] {
        let found = tier_verdict(&known(risk, &tiers), Some(tier));
        assert_eq!(found, expected, "{tier:?} where {tiers:?} are allowed at {risk:?}");
    }
}

#[test]
fn what_the_catalog_does_not_know_is_a_warning_and_never_a_denial() {
    let strict = known(Risk::Critical, &[Tier::Small]);
    let unmapped = |rule| (Verdict::Warn, Some(rule));
    assert_eq!(tier_verdict(&strict, None), unmapped("unmapped-model"));
    assert_eq!(tier_verdict(&Intent::Unnamed, None), unmapped("unmapped-model"));
    assert_eq!(tier_verdict(&Intent::Unknown, None), unmapped("unmapped-intent"));
    assert_eq!(tier_verdict(&Intent::Unknown, Some(Tier::Large)), unmapped("unmapped-intent"));
    assert_eq!(tier_verdict(&Intent::Unnamed, Some(Tier::Large)), (Verdict::Allow, None));
}

#[test]
fn a_denied_tier_is_not_counted_as_an_attempt() {
    let over = before_model(&known(Risk::Low, &[Tier::Small]), Some(Tier::Large), 1);
    assert!(matches!(over, Step::Done(Decision { verdict: Verdict::Deny, .. })));
}

#[test]
fn the_attempt_past_the_budget_is_denied_by_what_the_caller_says_alone() {
    for (attempt, denied) in [(0, false), (1, false), (3, false), (4, true), (u32::MAX, true)] {
        let step = before_model(&Intent::Unnamed, Some(Tier::Small), attempt);
        assert_eq!(matches!(step, Step::Done(_)), denied, "attempt {attempt}");
        if let Step::Done(decision) = step {
            assert_eq!(decision.rule, Some(Rule::RetryBudget));
            assert_eq!((decision.seen, decision.limit), (attempt - 1, 3));
        }
    }
}

#[test]
fn a_warning_gives_way_to_a_denial_and_stays_otherwise() {
    let Step::Count { so_far, .. } = before_model(&Intent::Unnamed, None, 1) else {
        panic!("an unmapped model is counted")
    };
    let full = Counted { granted: false, before: 3, refused: 4 };
    let denied = so_far.clone().counted(Rule::RetryBudget, Some(full));
    assert_eq!((denied.verdict, denied.rule), (Verdict::Deny, Some(Rule::RetryBudget)));
    assert_eq!((denied.seen, denied.limit, denied.attempt), (3, 3, 8));
    let lost = so_far.counted(Rule::RetryBudget, None);
    assert_eq!((lost.verdict, lost.rule), (Verdict::Warn, Some(Rule::UnmappedModel)));
    assert!(lost.failed_open);
}

#[test]
fn identical_calls_are_limited_by_how_the_last_one_ended() {
    let limits = Limits::default();
    assert_eq!(limits.identical(None), 1);
    assert_eq!(limits.identical(Some(LastResult::Final)), 1);
    assert_eq!(limits.identical(Some(LastResult::Retryable)), 2);
}

#[test]
fn a_polling_tool_is_never_counted() {
    let limits = Limits { polling_tools: vec!["job_status".into()], ..Limits::default() };
    let rules = IntentRules { risk: Risk::Low, allowed_tiers: vec![], limits };
    let intent = Intent::Known(rules);
    assert!(matches!(before_tool(&intent, "job_status", None), Step::Done(_)));
    assert!(matches!(before_tool(&intent, "refund", None), Step::Count { limit: 1, .. }));
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.plus(Duration::from_secs(seconds))
}

#[test]
fn an_archived_intent_holds_until_its_moment() {
    let mut book = Book::default();
    let rules = IntentRules { risk: Risk::Low, allowed_tiers: vec![], limits: Limits::default() };
    book.set_intent("refund".into(), at(10), Some(rules.clone()));
    book.set_intent("refund".into(), at(20), None);
    assert_eq!(book.intent("refund", at(9)), None);
    assert_eq!(book.intent("refund", at(19)), Some(Some(&rules)));
    assert_eq!(book.intent("refund", at(20)), Some(None));
}

/// A counter as the cache keeps it.
#[derive(Default)]
struct Counter {
    granted: u32,
    refused: u32,
}

impl Counter {
    fn count(&mut self, limit: u32) -> Counted {
        let counted =
            Counted { granted: self.granted < limit, before: self.granted, refused: self.refused };
        if counted.granted {
            self.granted += 1;
        } else {
            self.refused += 1;
        }
        counted
    }
}

proptest! {
    #[test]
    fn no_more_attempts_are_allowed_than_the_budget_whatever_callers_say(
        retries_max in 0..5_u32,
        said in prop::collection::vec(0..8_u32, 1..30),
    ) {
        let limits = Limits { retries_max, ..Limits::default() };
        let rules = IntentRules { risk: Risk::Low, allowed_tiers: vec![], limits };
        let intent = Intent::Known(rules);
        let (mut counter, mut allowed) = (Counter::default(), 0);
        for attempt in said {
            let decision = match before_model(&intent, Some(Tier::Small), attempt) {
                Step::Done(decision) => decision,
                Step::Count { limit, so_far } => {
                    so_far.counted(Rule::RetryBudget, Some(counter.count(limit)))
                }
            };
            prop_assert_eq!(decision.verdict == Verdict::Deny, decision.seen >= decision.limit);
            prop_assert!(decision.attempt >= attempt);
            if decision.verdict == Verdict::Deny {
                prop_assert!(attempt > retries_max + 1 || counter.granted > retries_max);
            } else {
                allowed += 1;
            }
        }
        prop_assert!(allowed <= retries_max + 1);
    }

    #[test]
    fn no_more_identical_calls_are_allowed_than_after_their_last_result(
        most in 1..4_u32,
        most_retryable in 1..4_u32,
        results in prop::collection::vec(prop::option::of(any::<bool>()), 1..30),
    ) {
        let limits = Limits {
            identical_calls_max: most,
            identical_retryable_calls_max: most_retryable,
            ..Limits::default()
        };
        let rules = IntentRules { risk: Risk::Low, allowed_tiers: vec![], limits };
        let intent = Intent::Known(rules);
        let (mut counter, mut allowed) = (Counter::default(), 0);
        for result in results {
            let last = result
                .map(|again| if again { LastResult::Retryable } else { LastResult::Final });
            let Step::Count { limit, so_far } = before_tool(&intent, "refund", last) else {
                return Err(TestCaseError::fail("a tool that does not poll is counted"));
            };
            let decision =
                so_far.counted(Rule::IdenticalToolCall, Some(counter.count(limit)));
            prop_assert_eq!(decision.verdict == Verdict::Allow, allowed < limit);
            prop_assert_eq!(decision.seen, allowed);
            allowed += u32::from(decision.verdict == Verdict::Allow);
        }
        prop_assert!(allowed <= most.max(most_retryable));
    }

    #[test]
    fn lost_counters_never_deny(attempt in 1..4_u32, tier in prop::option::of(0..3_u8)) {
        let tier = tier.map(|n| [Tier::Small, Tier::Standard, Tier::Large][usize::from(n)]);
        let step = before_model(&Intent::Unnamed, tier, attempt);
        let Step::Count { so_far, .. } = step else {
            return Err(TestCaseError::fail("within the budget"));
        };
        let decision = so_far.counted(Rule::RetryBudget, None);
        prop_assert!(decision.verdict != Verdict::Deny && decision.failed_open);
    }
}
