//! How finely cells tell steps apart, and how long those are that are kept of each kind.
//!
//! What most people ask names no dimension, and a cell for each combination of twelve of them is nearly a
//! cell an event: an overview of 100,000 events took 0.3 s while it had to add up all of those.

use crate::domain::{Dimension, Key, Level};

/// Which dimensions the cells of a kind keep apart. Outcome, rate and currency always are: no sum would
/// mean anything without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Grain {
    /// No others; and tickets and durations not even by outcome.
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

    /// How long its cells are, from the shortest on; all have quarter hours. Hours and weeks are kept of
    /// totals alone: those are what is looked at all day, and a window that ends now would read 96 quarters
    /// of them at its edges and 30 days between. Of the others they would cost every append more than they
    /// save the few who ask.
    pub(crate) const fn levels(self) -> &'static [Level] {
        match self {
            Self::Total => &[Level::Quarter, Level::Hour, Level::Day, Level::Week],
            Self::Work | Self::Full => &[Level::Quarter, Level::Day],
        }
    }

    /// The coarsest cells that answer a question which names these.
    pub(crate) fn telling(named: impl IntoIterator<Item = Dimension>) -> Self {
        let needed = named.into_iter().map(|dimension| match dimension {
            // Totals tell outcomes apart, but not their tickets and durations.
            Dimension::Outcome | Dimension::TaskType | Dimension::Agent => Self::Work,
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
    pub(crate) fn keep(self, of: Key) -> Key {
        match self {
            Self::Full => of,
            Self::Work => of.of_work(),
            Self::Total => of.of_totals(),
        }
    }

    /// Which cell a step's ticket and the time it took are of. Totals have one set of tickets and one sketch
    /// for all steps, as nobody asks them for more. Tickets that came in a row have numbers in a row, and
    /// such a set takes next to nothing; a sketch has as many buckets for all as for some. By outcome
    /// both were most of what there was to read.
    pub(crate) fn keep_together(self, of: Key, nothing: Key) -> Key {
        if self == Self::Total { nothing } else { self.keep(of) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_by_the_coarsest_cells_that_can() {
        use Dimension::{Agent, Outcome, Queue, TaskType};
        assert_eq!(Grain::telling([]), Grain::Total);
        assert_eq!(Grain::telling([Outcome]), Grain::Work);
        assert_eq!(Grain::telling([Agent, Outcome, TaskType]), Grain::Work);
        assert_eq!(Grain::telling([TaskType, Queue, Outcome]), Grain::Full);
    }
}
