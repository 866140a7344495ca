//! How much effort a step saved, under each policy (METRICS 3).

use crate::Outcome;

/// How outcomes earn credit. Three named rules; a report prints the one it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SavingsPolicy {
    /// Every judged outcome earns the whole difference.
    Gross,
    /// Success earns all, needs_review all where editing was measured and half where not, failure nothing.
    Credited,
    /// Only success earns, and a failure's review is charged.
    Strict,
}

impl SavingsPolicy {
    /// From the most generous on.
    pub const ALL: [Self; 3] = [Self::Gross, Self::Credited, Self::Strict];

    /// The word reports print.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gross => "gross",
            Self::Credited => "credited",
            Self::Strict => "strict",
        }
    }
}

/// What one step would have taken a human, and what it took after all. Milliseconds, 0 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// By the catalog, or by the event itself.
    pub baseline_ms: i64,
    /// Zero where it is unknown, or where the workspace does not subtract it.
    pub agent_ms: i64,
    /// Unknown is not zero: it cuts the credit of a needs_review.
    pub human_edit_ms: Option<i64>,
    /// What CREDITED gives a needs_review whose editing is unknown, 0 to 100.
    pub review_percent: i64,
}

impl Effort {
    /// Half, unless the workspace's policy says otherwise.
    pub const REVIEW_PERCENT: i64 = 50;
}

/// Milliseconds credited. Negative only for a failure under STRICT.
pub fn credit(policy: SavingsPolicy, outcome: Outcome, effort: &Effort) -> i64 {
    let edited = effort.human_edit_ms.unwrap_or(0);
    let whole = (effort.baseline_ms - effort.agent_ms - edited).max(0);
    match (policy, outcome) {
        // Nobody has judged it yet, whatever the policy.
        (_, Outcome::Pending) => 0,
        (SavingsPolicy::Gross, Outcome::Success | Outcome::NeedsReview | Outcome::Failure) => whole,
        (SavingsPolicy::Credited | SavingsPolicy::Strict, Outcome::Success) => whole,
        (SavingsPolicy::Credited, Outcome::NeedsReview) if effort.human_edit_ms.is_some() => whole,
        // Cut to the millisecond: credit never exceeds what the rule gives.
        (SavingsPolicy::Credited, Outcome::NeedsReview) => whole * effort.review_percent / 100,
        (SavingsPolicy::Credited, Outcome::Failure)
        | (SavingsPolicy::Strict, Outcome::NeedsReview) => 0,
        (SavingsPolicy::Strict, Outcome::Failure) => -edited,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn effort(human_edit_ms: Option<i64>) -> Effort {
        let review_percent = Effort::REVIEW_PERCENT;
        Effort { baseline_ms: 8 * MINUTE, agent_ms: MINUTE, human_edit_ms, review_percent }
    }

    fn minutes(policy: SavingsPolicy, human_edit_ms: Option<i64>) -> [i64; 4] {
        Outcome::ALL.map(|outcome| credit(policy, outcome, &effort(human_edit_ms)) / MINUTE)
    }

    #[test]
    fn gross_credits_every_judged_outcome_in_full() {
        assert_eq!(minutes(SavingsPolicy::Gross, None), [7, 7, 7, 0]);
        assert_eq!(minutes(SavingsPolicy::Gross, Some(2 * MINUTE)), [5, 5, 5, 0]);
    }

    #[test]
    fn credited_halves_an_unmeasured_review_and_subtracts_a_measured_one() {
        assert_eq!(
            credit(SavingsPolicy::Credited, Outcome::NeedsReview, &effort(None)),
            7 * MINUTE / 2
        );
        assert_eq!(minutes(SavingsPolicy::Credited, Some(2 * MINUTE)), [5, 5, 0, 0]);
    }

    #[test]
    fn a_policy_says_what_an_unmeasured_review_is_worth() {
        let of = |review_percent| Effort { review_percent, ..effort(None) };
        let review =
            |percent| credit(SavingsPolicy::Credited, Outcome::NeedsReview, &of(percent)) / MINUTE;
        assert_eq!([review(0), review(100)], [0, 7]);
        let measured = Effort { review_percent: 0, ..effort(Some(2 * MINUTE)) };
        assert_eq!(credit(SavingsPolicy::Credited, Outcome::NeedsReview, &measured), 5 * MINUTE);
    }

    #[test]
    fn strict_charges_the_review_of_a_failure() {
        assert_eq!(minutes(SavingsPolicy::Strict, Some(2 * MINUTE)), [5, 0, -2, 0]);
        assert_eq!(minutes(SavingsPolicy::Strict, None), [7, 0, 0, 0]);
    }

    #[test]
    fn a_step_slower_than_its_baseline_saves_nothing_and_costs_nothing() {
        let slow = Effort { baseline_ms: MINUTE, agent_ms: 5 * MINUTE, ..effort(None) };
        assert_eq!(credit(SavingsPolicy::Gross, Outcome::Success, &slow), 0);
    }
}
