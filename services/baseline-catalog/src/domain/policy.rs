//! How outcomes turn a baseline into credit (METRICS 3).

use super::fields::Fields;
use super::node::{Entries, Node};
use super::words::worded;

worded! {
    /// The three named policies.
    PolicyKind: "gross, credited or strict" {
        Gross = "gross",
        Credited = "credited",
        Strict = "strict",
    }
}

/// One savings policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) kind: PolicyKind,
    pub(crate) subtract_agent_duration: bool,
    /// Of a needs_review whose editing was not measured.
    pub(crate) unmeasured_review_credit_percent: i64,
    /// From here on a success counts as needs_review.
    pub(crate) edit_ratio_threshold_percent: i64,
}

impl Policy {
    const REVIEW_CREDIT: i64 = 50;
    const EDIT_RATIO: i64 = 25;

    pub(super) fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let kind = f.take("kind", PolicyKind::parse);
        let subtract = f.truth("subtract_agent_duration", true);
        let credit = f.number("unmeasured_review_credit_percent", Self::REVIEW_CREDIT, 0..=100);
        let threshold = f.number("edit_ratio_threshold_percent", Self::EDIT_RATIO, 0..=100);
        Some(Self {
            kind: kind?,
            subtract_agent_duration: subtract?,
            unmeasured_review_credit_percent: credit?,
            edit_ratio_threshold_percent: threshold?,
        })
    }

    /// All of it: a report prints its policy, defaults included.
    pub(super) fn write(&self) -> Node {
        Entries::default()
            .text("kind", self.kind.as_str())
            .text("subtract_agent_duration", self.subtract_agent_duration)
            .text("unmeasured_review_credit_percent", self.unmeasured_review_credit_percent)
            .text("edit_ratio_threshold_percent", self.edit_ratio_threshold_percent)
            .node()
    }
}
