//! One completed step, as the ledger tells it, and what it adds to its cell.

use kernel::{Currency, Effort, Outcome, SavingsPolicy, Timestamp, WorkspaceId, credit};

use crate::domain::{Dimensions, Measures, Spent};

/// A step that costs more than a million units is a unit mix-up: it counts as uncosted, and nine
/// million of the dearest steps still fit one cell's integer.
pub(crate) const COST_MICROS_MAX: i64 = 1_000_000_000_000;

/// What a step cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    micros: i64,
    currency: Currency,
    /// The same in the currency of the rate, where it came in another and a conversion was known.
    converted: Option<i64>,
}

impl Cost {
    /// `None` outside 0 to [`COST_MICROS_MAX`].
    pub(crate) fn new(micros: i64, currency: Currency) -> Option<Self> {
        let believable = (0..=COST_MICROS_MAX).contains(&micros);
        believable.then_some(Self { micros, currency, converted: None })
    }

    /// With what it was in the currency of the rate on its day; left out where that is beyond belief.
    pub(crate) fn converted(self, micros: Option<i64>) -> Self {
        Self { converted: micros.filter(|micros| (0..=COST_MICROS_MAX).contains(micros)), ..self }
    }

    pub(crate) fn currency(&self) -> Currency {
        self.currency
    }

    pub(crate) fn micros(&self) -> i64 {
        self.micros
    }

    pub(crate) fn converted_micros(&self) -> Option<i64> {
        self.converted
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
    /// What it took, whether or not it counts in `effort`.
    pub(crate) spent: Spent,
}

impl Step {
    /// What it adds to its cell.
    pub(crate) fn measures(&self) -> Measures {
        let saved = |policy| match &self.effort {
            Some(effort) => credit(policy, self.outcome(), effort),
            None => 0,
        };
        // Without a rate there is no currency to convert to: the cost stands in its own.
        let foreign = self
            .cost
            .filter(|cost| self.dimensions.rate.is_some_and(|rate| rate.currency != cost.currency));
        let unconverted = foreign.filter(|cost| cost.converted.is_none());
        Measures {
            events: 1,
            gross_ms: saved(SavingsPolicy::Gross),
            credited_ms: saved(SavingsPolicy::Credited),
            strict_ms: saved(SavingsPolicy::Strict),
            cost_micros: self.cost.map_or(0, |cost| cost.micros),
            converted_micros: foreign.and_then(|cost| cost.converted).unwrap_or(0),
            unconverted_micros: unconverted.map_or(0, |cost| cost.micros),
            unconverted: i64::from(unconverted.is_some()),
            uncosted: i64::from(self.cost.is_none()),
            unvalued: i64::from(self.effort.is_none()),
        }
    }

    /// The same step, judged later: by the baseline, rate and policy of its day.
    pub(crate) fn judged(&self, outcome: Outcome, human_edit_ms: Option<i64>) -> Self {
        let mut judged = self.clone();
        judged.dimensions.outcome = outcome;
        let known = human_edit_ms.and_then(|ms| u32::try_from(ms).ok());
        judged.spent.human_edit_ms = known.or(judged.spent.human_edit_ms);
        if let Some(effort) = &mut judged.effort {
            effort.human_edit_ms = human_edit_ms.or(effort.human_edit_ms);
        }
        judged
    }

    fn outcome(&self) -> Outcome {
        self.dimensions.outcome
    }
}
