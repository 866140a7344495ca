//! A step, as far as its value depends on it.

use kernel::{Money, Outcome, Timestamp};

/// Facts of a completed task, parsed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Task {
    pub(crate) agent_id: String,
    pub(crate) task_type: String,
    pub(crate) language: String,
    pub(crate) channel: String,
    pub(crate) outcome: Outcome,
    pub(crate) occurred: Timestamp,
    pub(crate) duration_ms: Option<i64>,
    pub(crate) human_edit_ms: Option<i64>,
    /// Normalised edit distance, 0 to 1.
    pub(crate) edit_ratio: Option<f64>,
    /// The event's own baseline, over the catalog's.
    pub(crate) baseline_ms: Option<i64>,
    pub(crate) agent_cost: Option<Money>,
}

/// From here on a human changed a draft significantly (METRICS 2).
const EDIT_RATIO_SIGNIFICANT: f64 = 0.25;

impl Task {
    /// The outcome credit is given for.
    pub(crate) fn judged(&self) -> Outcome {
        match (self.outcome, self.edit_ratio) {
            (Outcome::Success, Some(ratio)) if ratio >= EDIT_RATIO_SIGNIFICANT => {
                Outcome::NeedsReview
            }
            (outcome, _) => outcome,
        }
    }
}
