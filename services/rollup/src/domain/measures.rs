//! What a cell adds up: integers only, signed, so that any order and any split gives the same sums.

use std::ops::{AddAssign, Mul};

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
    /// What of it was converted on its day, millionths of the rate's currency.
    pub(crate) converted_micros: i64,
    /// What of it is in another currency than the rate and was not, millionths of the cost currency.
    pub(crate) unconverted_micros: i64,
    /// Steps whose cost is such an amount.
    pub(crate) unconverted: i64,
    /// Steps whose cost is unknown.
    pub(crate) uncosted: i64,
    /// Steps whose value is unknown.
    pub(crate) unvalued: i64,
}

impl Measures {
    pub(crate) const COUNT: usize = 10;

    pub(crate) fn saved_ms(&self, policy: SavingsPolicy) -> i64 {
        match policy {
            SavingsPolicy::Gross => self.gross_ms,
            SavingsPolicy::Credited => self.credited_ms,
            SavingsPolicy::Strict => self.strict_ms,
        }
    }

    /// All of them in one order, which is also that of a digest: a new one goes to the end.
    pub(crate) fn to_array(self) -> [i64; Self::COUNT] {
        let Self {
            events,
            gross_ms,
            credited_ms,
            strict_ms,
            cost_micros,
            converted_micros,
            unconverted_micros,
            unconverted,
            uncosted,
            unvalued,
        } = self;
        [
            events,
            gross_ms,
            credited_ms,
            strict_ms,
            cost_micros,
            converted_micros,
            unconverted_micros,
            unconverted,
            uncosted,
            unvalued,
        ]
    }

    pub(crate) fn from_array(sums: [i64; Self::COUNT]) -> Self {
        let [
            events,
            gross_ms,
            credited_ms,
            strict_ms,
            cost_micros,
            converted_micros,
            unconverted_micros,
            unconverted,
            uncosted,
            unvalued,
        ] = sums;
        Self {
            events,
            gross_ms,
            credited_ms,
            strict_ms,
            cost_micros,
            converted_micros,
            unconverted_micros,
            unconverted,
            uncosted,
            unvalued,
        }
    }
}

impl AddAssign for Measures {
    fn add_assign(&mut self, other: Self) {
        let (mut sums, others) = (self.to_array(), other.to_array());
        for (sum, other) in sums.iter_mut().zip(others) {
            *sum += other;
        }
        *self = Self::from_array(sums);
    }
}

impl Mul<i64> for Measures {
    type Output = Self;

    fn mul(self, by: i64) -> Self {
        Self::from_array(self.to_array().map(|sum| sum * by))
    }
}
