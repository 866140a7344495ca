//! What a cell holds. All of it adds up, in any order, and can be taken away again.

use crate::domain::{Durations, Efforts, Measures, TicketCounts};

/// The sums of a cell.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Content {
    pub(crate) measures: Measures,
    pub(crate) tickets: TicketCounts,
    /// Of coarse cells: a sketch.
    pub(crate) durations: Durations,
    /// Of full cells, where few steps meet: exact.
    pub(crate) efforts: Efforts,
}

impl Content {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.measures += other.measures;
        self.tickets.merge(&other.tickets);
        self.durations.merge(&other.durations);
        self.efforts.merge(&other.efforts);
    }

    /// Whether everything in it was taken back.
    pub(crate) fn is_empty(&self) -> bool {
        self.measures == Measures::default()
            && self.tickets.is_empty()
            && self.durations.is_empty()
            && self.efforts.is_empty()
    }

    /// How long the agents took.
    pub(crate) fn durations(&self) -> Durations {
        let mut durations = self.efforts.durations();
        durations.merge(&self.durations);
        durations
    }
}
