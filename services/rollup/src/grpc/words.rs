//! Wire enums and domain words, each way, no value forgotten.

use kernel::{Outcome, SavingsPolicy};
use wire::common::v1 as common;
use wire::ingest::v1 as ingest;
use wire::rollup::v1 as api;

use super::parse::View;
use crate::domain::{Cause, Dimension, Order};

/// What a wire dimension stands for.
pub(super) enum Asked {
    Held(Dimension),
    /// In the contract, not in the cells yet.
    Later,
    Nothing,
}

pub(super) fn dimension(number: i32) -> Asked {
    use api::Dimension as Wire;
    match Wire::try_from(number).unwrap_or_default() {
        Wire::Unspecified => Asked::Nothing,
        Wire::TaskType => Asked::Held(Dimension::TaskType),
        Wire::Agent => Asked::Held(Dimension::Agent),
        Wire::Outcome => Asked::Held(Dimension::Outcome),
        Wire::Project => Asked::Held(Dimension::Project),
        Wire::Intent => Asked::Held(Dimension::Intent),
        Wire::Queue => Asked::Held(Dimension::Queue),
        Wire::Channel => Asked::Held(Dimension::Channel),
        Wire::Language => Asked::Held(Dimension::Language),
        Wire::Technical => Asked::Held(Dimension::Technical),
        Wire::Model => Asked::Held(Dimension::Model),
        Wire::BaselineVersion => Asked::Held(Dimension::BaselineVersion),
        Wire::RateVersion => Asked::Held(Dimension::RateVersion),
        Wire::Tier | Wire::Risk | Wire::Path | Wire::Team => Asked::Later,
    }
}

pub(super) fn wire_dimension(dimension: Dimension) -> api::Dimension {
    match dimension {
        Dimension::TaskType => api::Dimension::TaskType,
        Dimension::Agent => api::Dimension::Agent,
        Dimension::Outcome => api::Dimension::Outcome,
        Dimension::Project => api::Dimension::Project,
        Dimension::Intent => api::Dimension::Intent,
        Dimension::Queue => api::Dimension::Queue,
        Dimension::Channel => api::Dimension::Channel,
        Dimension::Language => api::Dimension::Language,
        Dimension::Technical => api::Dimension::Technical,
        Dimension::Model => api::Dimension::Model,
        Dimension::BaselineVersion => api::Dimension::BaselineVersion,
        Dimension::RateVersion => api::Dimension::RateVersion,
    }
}

/// `None` for a number the contract does not have.
pub(super) fn policy(number: i32) -> Option<SavingsPolicy> {
    use ingest::SavingsPolicy as Wire;
    match Wire::try_from(number).ok()? {
        Wire::Gross => Some(SavingsPolicy::Gross),
        Wire::Unspecified | Wire::Credited => Some(SavingsPolicy::Credited),
        Wire::Strict => Some(SavingsPolicy::Strict),
    }
}

pub(super) fn wire_policy(policy: SavingsPolicy) -> ingest::SavingsPolicy {
    match policy {
        SavingsPolicy::Gross => ingest::SavingsPolicy::Gross,
        SavingsPolicy::Credited => ingest::SavingsPolicy::Credited,
        SavingsPolicy::Strict => ingest::SavingsPolicy::Strict,
    }
}

pub(super) fn wire_outcome(outcome: Outcome) -> common::Outcome {
    match outcome {
        Outcome::Success => common::Outcome::Success,
        Outcome::NeedsReview => common::Outcome::NeedsReview,
        Outcome::Failure => common::Outcome::Failure,
        Outcome::Pending => common::Outcome::Pending,
    }
}

pub(super) fn wire_view(view: View) -> api::ReportView {
    match view {
        View::AsRecorded => api::ReportView::AsRecorded,
        View::AsRestated => api::ReportView::AsRestated,
    }
}

pub(super) fn wire_cause(cause: Cause) -> api::DifferenceCause {
    match cause {
        Cause::ValuedSince => api::DifferenceCause::ValuedSince,
        Cause::NotValuedNow => api::DifferenceCause::NotValuedNow,
        Cause::Policy => api::DifferenceCause::SavingsPolicy,
        Cause::Baseline => api::DifferenceCause::Baseline,
        Cause::Rate => api::DifferenceCause::Rate,
    }
}

/// `None` for a number the contract does not have.
pub(super) fn order(number: i32) -> Option<Order> {
    use api::SavingsOrder as Wire;
    match Wire::try_from(number).ok()? {
        Wire::Unspecified | Wire::TimeSaved => Some(Order::TimeSaved),
        Wire::Events => Some(Order::Events),
        Wire::Key => Some(Order::Key),
    }
}
