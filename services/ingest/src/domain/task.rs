//! A step, as far as its value depends on it.

use kernel::{Money, Outcome, Timestamp};

use super::cost::Spent;
use super::pricing::{Model, Tokens};

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
    /// As it was sent, over what model and tokens come to.
    pub(crate) agent_cost: Option<Money>,
    /// Empty: not said.
    pub(crate) model: String,
    pub(crate) tokens: Tokens,
}

impl Task {
    /// Steps name no provider.
    pub(super) fn spent(&self) -> Spent<'_> {
        Spent {
            sent: self.agent_cost,
            model: Model { provider: "", name: &self.model },
            tokens: self.tokens,
            at: self.occurred,
        }
    }

    /// The outcome credit is given for. From `edit_ratio_percent` on a human changed it significantly.
    pub(crate) fn judged(&self, edit_ratio_percent: i64) -> Outcome {
        // Exact up to a hundred.
        let significant = edit_ratio_percent as f64 / 100.0;
        match (self.outcome, self.edit_ratio) {
            (Outcome::Success, Some(ratio)) if ratio >= significant => Outcome::NeedsReview,
            (outcome, _) => outcome,
        }
    }
}
