//! What a cell adds up: integers only, signed, so that any order and any split gives the same sums.

use std::ops::AddAssign;

use kernel::SavingsPolicy;

/// The additive content of a cell. All steps of a cell share one outcome, rate and cost currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Measures {
    pub(crate) events: i64,
    /// Credited under GROSS, milliseconds.
    pub(crate) gross_ms: i64,
    /// Credited under CREDITED, milliseconds.
    pub(crate) credited_ms: i64,
    /// Credited under STRICT, milliseconds; may be negative.
    pub(crate) strict_ms: i64,
    /// What the agents cost, millionths of the cell's cost currency.
    pub(crate) cost_micros: i64,
    /// Steps whose cost is unknown.
    pub(crate) uncosted: i64,
    /// Steps whose value is unknown.
    pub(crate) unvalued: i64,
}

impl Measures {
    pub(crate) fn saved_ms(&self, policy: SavingsPolicy) -> i64 {
        match policy {
            SavingsPolicy::Gross => self.gross_ms,
            SavingsPolicy::Credited => self.credited_ms,
            SavingsPolicy::Strict => self.strict_ms,
        }
    }
}

impl AddAssign for Measures {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.gross_ms += other.gross_ms;
        self.credited_ms += other.credited_ms;
        self.strict_ms += other.strict_ms;
        self.cost_micros += other.cost_micros;
        self.uncosted += other.uncosted;
        self.unvalued += other.unvalued;
    }
}
