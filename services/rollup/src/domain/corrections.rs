//! Corrections: what a step counts as after it was judged again or taken back.
//!
//! A correction answers what the step counted as before and what it counts as now, and cells take the one
//! away and the other in. Nothing here depends on the order in which the ledger's entries come: of all
//! judgements not taken back the last one holds, by its place in the ledger, and what a step said itself
//! is taken to be counted whether or not it was seen yet.

use std::collections::BTreeMap;

use kernel::{Outcome, WorkspaceId};

use crate::domain::Step;

/// What an entry of the ledger changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fact {
    Step(Step),
    Correction(Correction),
}

/// An entry about an earlier step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Correction {
    pub(crate) workspace: WorkspaceId,
    /// Place of the step in the ledger.
    pub(crate) step: i64,
    /// The step as it was recorded. `None` where the entry does not carry it: one about a judgement.
    pub(crate) original: Option<Step>,
    pub(crate) amends: Amendment,
}

/// What a correction says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amendment {
    /// The step is judged again; `seq` is the place of that judgement.
    Judged { seq: i64, judgement: Judgement },
    /// The judgement at `seq` is taken back.
    JudgementRetracted { seq: i64 },
    /// The step is taken back.
    StepRetracted,
}

/// A later judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) outcome: Outcome,
    /// `None`: as the step itself said.
    pub(crate) human_edit_ms: Option<i64>,
}

/// All that is known about a corrected step.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Corrected {
    pub(crate) original: Option<Step>,
    pub(crate) retracted: bool,
    /// By their place in the ledger.
    pub(crate) judgements: BTreeMap<i64, Judged>,
}

/// A judgement, and whether it was taken back: that can be known first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) judgement: Option<Judgement>,
    pub(crate) retracted: bool,
}

/// What a correction does to the cells.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effect {
    /// Taken away, where it differs from `after`.
    pub(crate) before: Option<Step>,
    /// Taken in.
    pub(crate) after: Option<Step>,
}

impl Corrected {
    /// Learns a correction. Learning it again changes nothing.
    pub(crate) fn learn(&mut self, correction: Correction) -> Option<Effect> {
        let Correction { original, amends, .. } = correction;
        if self.original.is_none() {
            self.original = original;
        }
        let before = self.effective();
        match amends {
            Amendment::Judged { seq, judgement } => {
                self.judgements.entry(seq).or_default().judgement = Some(judgement);
            }
            Amendment::JudgementRetracted { seq } => {
                self.judgements.entry(seq).or_default().retracted = true;
            }
            Amendment::StepRetracted => self.retracted = true,
        }
        let after = self.effective();
        (before != after).then_some(Effect { before, after })
    }

    /// What the step counts as. `None` when it does not count, or is not known yet.
    fn effective(&self) -> Option<Step> {
        let original = self.original.as_ref().filter(|_| !self.retracted)?;
        let held = |judged: &Judged| judged.judgement.filter(|_| !judged.retracted);
        Some(match self.judgements.values().rev().find_map(held) {
            Some(Judgement { outcome, human_edit_ms }) => original.judged(outcome, human_edit_ms),
            None => original.clone(),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::samples::{START, step, workspace};

    fn original() -> Step {
        step("customer_email_draft", 8, Outcome::Success, START)
    }

    fn correction(amends: Amendment, original: Option<Step>) -> Correction {
        Correction { workspace: workspace(), step: 1, original, amends }
    }

    fn judged(seq: i64, outcome: Outcome) -> Correction {
        let judgement = Judgement { outcome, human_edit_ms: None };
        correction(Amendment::Judged { seq, judgement }, Some(original()))
    }

    fn outcomes(effect: Effect) -> [Option<Outcome>; 2] {
        [effect.before, effect.after].map(|step| step.map(|step| step.dimensions.outcome))
    }

    #[test]
    fn taking_a_judgement_back_makes_the_one_before_it_hold_again() {
        let mut corrected = Corrected::default();
        let first = corrected.learn(judged(2, Outcome::NeedsReview)).unwrap();
        assert_eq!(outcomes(first), [Some(Outcome::Success), Some(Outcome::NeedsReview)]);
        corrected.learn(judged(3, Outcome::Failure)).unwrap();
        let back = correction(Amendment::JudgementRetracted { seq: 3 }, None);
        let effect = corrected.learn(back.clone()).unwrap();
        assert_eq!(outcomes(effect), [Some(Outcome::Failure), Some(Outcome::NeedsReview)]);
        assert_eq!(corrected.learn(back), None, "twice changes nothing");
        let back = correction(Amendment::JudgementRetracted { seq: 2 }, None);
        let effect = corrected.learn(back).unwrap();
        assert_eq!(outcomes(effect), [Some(Outcome::NeedsReview), Some(Outcome::Success)]);
    }

    #[test]
    fn a_step_taken_back_stays_out_whatever_is_judged_later() {
        let mut corrected = Corrected::default();
        let gone = correction(Amendment::StepRetracted, Some(original()));
        let effect = corrected.learn(gone.clone()).unwrap();
        assert_eq!(outcomes(effect), [Some(Outcome::Success), None]);
        assert_eq!(corrected.learn(judged(3, Outcome::Failure)), None);
        assert_eq!(corrected.learn(gone), None);
    }

    #[test]
    fn editing_time_learnt_later_counts() {
        let judgement =
            Judgement { outcome: Outcome::NeedsReview, human_edit_ms: Some(2 * 60_000) };
        let amends = Amendment::Judged { seq: 2, judgement };
        let effect = Corrected::default().learn(correction(amends, Some(original()))).unwrap();
        assert_eq!(effect.after.unwrap().measures().credited_ms, 6 * 60_000);
    }
}
