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
    /// What was done and by whom.
    Work,
    /// All of them.
    Full,
}

impl Grain {
    /// From the coarsest on.
    pub(crate) const ALL: [Self; 3] = [Self::Total, Self::Work, Self::Full];

    /// The number rows hold.
    pub(crate) const fn number(self) -> i16 {
        match self {
            Self::Total => 0,
            Self::Full => 1,
            Self::Work => 2,
        }
    }

    /// The coarsest cells that answer a question which names these.
    pub(crate) fn telling(named: impl IntoIterator<Item = Dimension>) -> Self {
        let needed = named.into_iter().map(|dimension| match dimension {
            Dimension::Outcome => Self::Total,
            Dimension::TaskType | Dimension::Agent => Self::Work,
            Dimension::Project
            | Dimension::Intent
            | Dimension::Queue
            | Dimension::Channel
            | Dimension::Language
            | Dimension::Technical
            | Dimension::Model
            | Dimension::BaselineVersion
            | Dimension::RateVersion => Self::Full,
        });
        needed.max().unwrap_or(Self::Total)
    }

    /// What of a step's dimensions its cell keeps.
    pub(crate) fn keep(self, of: &Dimensions) -> Dimensions {
        if self == Self::Full {
            return of.clone();
        }
        let worked = |text: &String| if self == Self::Work { text.clone() } else { String::new() };
        Dimensions {
            task_type: worked(&of.task_type),
            agent: worked(&of.agent),
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_by_the_coarsest_cells_that_can() {
        use Dimension::{Agent, Outcome, Queue, TaskType};
        assert_eq!(Grain::telling([]), Grain::Total);
        assert_eq!(Grain::telling([Outcome]), Grain::Total);
        assert_eq!(Grain::telling([Agent, Outcome, TaskType]), Grain::Work);
        assert_eq!(Grain::telling([TaskType, Queue, Outcome]), Grain::Full);
    }
}
