//! What a report is asked for, defaults resolved.

use std::collections::BTreeSet;

use kernel::{SavingsPolicy, WorkspaceId};

use crate::domain::{AlignedWindow, Dimension, Dimensions};

/// One report's question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) workspace: WorkspaceId,
    pub(crate) window: AlignedWindow,
    /// All must pass.
    pub(crate) filters: Vec<Filter>,
    pub(crate) policy: SavingsPolicy,
    pub(crate) staffing: Staffing,
}

impl Query {
    pub(crate) fn passes(&self, dimensions: &Dimensions) -> bool {
        self.filters.iter().all(|filter| filter.passes(dimensions))
    }

    /// The dimensions it filters by.
    pub(crate) fn named(&self) -> impl Iterator<Item = Dimension> + '_ {
        self.filters.iter().map(|filter| filter.dimension)
    }
}

/// One condition: the value is one of these, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) dimension: Dimension,
    pub(crate) values: BTreeSet<String>,
}

impl Filter {
    fn passes(&self, dimensions: &Dimensions) -> bool {
        self.values.contains(dimensions.value(self.dimension))
    }
}

/// How saved hours become people (METRICS 9).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Staffing {
    pub(crate) hours_per_month: u32,
    /// Days ÷ 30, or 1 for exactly one calendar month.
    pub(crate) months: f64,
}

impl Staffing {
    /// Full-time employees with that much time.
    pub(crate) fn fte(&self, saved_ms: i64) -> f64 {
        let hours = saved_ms as f64 / 3_600_000.0;
        hours / (f64::from(self.hours_per_month) * self.months)
    }
}
