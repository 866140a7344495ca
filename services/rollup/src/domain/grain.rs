//! How finely cells tell steps apart.
//!
//! What most people ask names no dimension, and a cell for each combination of twelve of them is nearly a
//! cell an event: an overview of 100,000 events took 0.3 s while it had to add up all of those.

use crate::domain::{Dimension, Dimensions};

/// Which dimensions the cells of a kind keep apart. Outcome, rate and currency always are: no sum would
/// mean anything without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Grain {
    /// No others.
    Total,
    /// All of them.
    Full,
}

impl Grain {
    /// From the coarsest on.
    pub(crate) const ALL: [Self; 2] = [Self::Total, Self::Full];

    /// The number rows hold.
    pub(crate) const fn number(self) -> i16 {
        match self {
            Self::Total => 0,
            Self::Full => 1,
        }
    }

    /// The coarsest cells that answer a question which names these.
    pub(crate) fn telling(named: impl IntoIterator<Item = Dimension>) -> Self {
        let by_outcome = named.into_iter().all(|dimension| dimension == Dimension::Outcome);
        if by_outcome { Self::Total } else { Self::Full }
    }

    /// What of a step's dimensions its cell keeps.
    pub(crate) fn keep(self, of: &Dimensions) -> Dimensions {
        match self {
            Self::Full => of.clone(),
            Self::Total => Dimensions {
                task_type: String::new(),
                agent: String::new(),
                outcome: of.outcome,
                project: String::new(),
                intent: String::new(),
                queue: String::new(),
                channel: String::new(),
                language: String::new(),
                technical: None,
                model: String::new(),
                baseline_version: String::new(),
                rate_version: String::new(),
                rate: of.rate,
                cost_currency: of.cost_currency,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_question_that_names_nothing_but_the_outcome_is_answered_by_totals() {
        assert_eq!(Grain::telling([]), Grain::Total);
        assert_eq!(Grain::telling([Dimension::Outcome]), Grain::Total);
        assert_eq!(Grain::telling([Dimension::Outcome, Dimension::Agent]), Grain::Full);
    }
}
