//! One completed step, as the ledger tells it, and what it adds to its cell.

use kernel::{Currency, Effort, Outcome, SavingsPolicy, Timestamp, WorkspaceId, credit};

use crate::domain::{Dimensions, Measures};

/// A step that costs more than a million units is a unit mix-up: it counts as uncosted, and nine
/// million of the dearest steps still fit one cell's integer.
pub(crate) const COST_MICROS_MAX: i64 = 1_000_000_000_000;

/// What a step cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    micros: i64,
    currency: Currency,
}

impl Cost {
    /// `None` outside 0 to [`COST_MICROS_MAX`].
    pub(crate) fn new(micros: i64, currency: Currency) -> Option<Self> {
        (0..=COST_MICROS_MAX).contains(&micros).then_some(Self { micros, currency })
    }

    pub(crate) fn currency(&self) -> Currency {
        self.currency
    }
}

/// A completed step with its valuation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) workspace: WorkspaceId,
    pub(crate) occurred: Timestamp,
    pub(crate) ticket: Option<String>,
    /// Its rate is `Some` exactly where `effort` is.
    pub(crate) dimensions: Dimensions,
    pub(crate) effort: Option<Effort>,
    pub(crate) cost: Option<Cost>,
}

impl Step {
    /// What it adds to its cell.
    pub(crate) fn measures(&self) -> Measures {
        let saved = |policy| match &self.effort {
            Some(effort) => credit(policy, self.outcome(), effort),
            None => 0,
        };
        Measures {
            events: 1,
            gross_ms: saved(SavingsPolicy::Gross),
            credited_ms: saved(SavingsPolicy::Credited),
            strict_ms: saved(SavingsPolicy::Strict),
            cost_micros: self.cost.map_or(0, |cost| cost.micros),
            uncosted: i64::from(self.cost.is_none()),
            unvalued: i64::from(self.effort.is_none()),
        }
    }

    fn outcome(&self) -> Outcome {
        self.dimensions.outcome
    }
}
