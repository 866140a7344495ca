//! Domain values as messages.

use kernel::{EventId, Money, Outcome, Position, SavingsPolicy, Timestamp};
use wire::common::v1 as common;
use wire::ingest::v1 as wire_v1;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{LedgerRecord, Receipt, TaskCompleted};

use super::parse::timestamp;
use crate::domain::catalog::BaselineSource;
use crate::domain::{Cost, CostSource, KeyRecord, Scope, Valuation, Workspace};

/// The receipt of an entry, read from what is stored: a duplicate gets what the first one got.
pub(super) fn receipt(
    place: Option<(Position, Timestamp)>,
    duplicate: bool,
    record: LedgerRecord,
) -> Receipt {
    let valuation = record.valuation.as_deref();
    // An entry that was taken unvalued, or is older than the stamp, has what was sent.
    let sent = || step(&record).and_then(|step| step.agent_cost.clone());
    let agent_cost = valuation.and_then(|v| v.agent_cost.clone()).or_else(sent);
    let cost_saved = valuation.map(cost_saved);
    let converted = valuation.and_then(|v| v.converted_cost.as_ref());
    let net_saved = match (&cost_saved, converted.or(agent_cost.as_ref())) {
        (Some(saved), Some(cost)) if saved.currency_code == cost.currency_code => {
            Some(common::Money {
                currency_code: saved.currency_code.clone(),
                micros: saved.micros.saturating_sub(cost.micros),
            })
        }
        _ => None,
    };
    Receipt {
        event_id: place.map(|(position, _)| EventId(position).to_string()).unwrap_or_default(),
        position: place.map(|(position, _)| position.to_string()).unwrap_or_default(),
        recorded_time: place.map(|(_, recorded)| timestamp(recorded)),
        duplicate,
        cost_saved,
        agent_cost,
        net_saved,
        warnings: overflow(&record),
        valuation: record.valuation,
        call_cost: record.call_cost,
    }
}

/// The step a receipt is about: the event's own, or the one it judges anew.
fn step(record: &LedgerRecord) -> Option<&TaskCompleted> {
    let record = match record.event.as_ref()?.body.as_ref()? {
        Body::OutcomeRevised(_) => record.corrects.as_ref()?,
        _ => record,
    };
    match record.event.as_ref()?.body.as_ref()? {
        Body::TaskCompleted(step) => Some(step),
        _ => None,
    }
}

fn overflow(record: &LedgerRecord) -> Vec<i32> {
    let warning = wire_v1::Warning::DimensionOverflowed.into();
    if record.overflowed.is_empty() { Vec::new() } else { vec![warning] }
}

fn cost_saved(valuation: &wire_v1::Valuation) -> common::Money {
    let exact = kernel::Exact::of(valuation.credited_ms, valuation.rate_micros_per_hour);
    common::Money { currency_code: valuation.currency_code.clone(), micros: exact.micros() }
}

pub(super) fn valuation(v: &Valuation) -> wire_v1::Valuation {
    let cost = call_cost(v.cost.as_ref());
    wire_v1::Valuation {
        baseline_ms: v.baseline.ms,
        baseline_source: match v.baseline.source {
            BaselineSource::Request => wire_v1::BaselineSource::Request,
            BaselineSource::Override => wire_v1::BaselineSource::Override,
            BaselineSource::BuiltIn => wire_v1::BaselineSource::Builtin,
            BaselineSource::Custom => wire_v1::BaselineSource::Custom,
        }
        .into(),
        baseline_version: v.baseline.version.clone(),
        rate_micros_per_hour: v.rate.micros_per_hour,
        currency_code: v.rate.currency.to_string(),
        rate_version: v.rate.version.clone(),
        policy: match v.policy.kind {
            SavingsPolicy::Gross => wire_v1::SavingsPolicy::Gross,
            SavingsPolicy::Credited => wire_v1::SavingsPolicy::Credited,
            SavingsPolicy::Strict => wire_v1::SavingsPolicy::Strict,
        }
        .into(),
        subtract_agent_duration: v.policy.subtract_agent_duration,
        policy_version: v.policy.version.clone(),
        // A percentage fits.
        unmeasured_review_credit_percent: i32::try_from(v.policy.review_percent).ok(),
        credited_ms: v.credited_ms,
        cost_source: cost.cost_source,
        agent_cost: cost.cost,
        price_version: cost.price_version,
        converted_cost: cost.converted_cost,
        fx_rate_nanos: cost.fx_rate_nanos,
        fx_version: cost.fx_version,
        outcome: match v.outcome {
            Outcome::Success => common::Outcome::Success,
            Outcome::NeedsReview => common::Outcome::NeedsReview,
            Outcome::Failure => common::Outcome::Failure,
            Outcome::Pending => common::Outcome::Pending,
        }
        .into(),
    }
}

/// What something cost, and how that was found; `None`: nobody knows.
pub(super) fn call_cost(cost: Option<&Cost>) -> wire_v1::CallCost {
    let (cost_source, price_version) = match cost.map(|cost| &cost.source) {
        Some(CostSource::Provided) => (wire_v1::CostSource::Provided, ""),
        Some(CostSource::Computed { price_version }) => {
            (wire_v1::CostSource::Computed, price_version.as_str())
        }
        None => (wire_v1::CostSource::None, ""),
    };
    let converted = cost.and_then(|cost| cost.converted.as_ref());
    wire_v1::CallCost {
        cost_source: cost_source.into(),
        cost: cost.map(|cost| money(cost.money)),
        price_version: price_version.to_owned(),
        converted_cost: converted.map(|(converted, _)| money(*converted)),
        fx_rate_nanos: converted.map_or(0, |(_, rate)| rate.nanos),
        fx_version: converted.map_or_else(String::new, |(_, rate)| rate.version.clone()),
    }
}

fn money(money: Money) -> common::Money {
    common::Money { currency_code: money.currency.to_string(), micros: money.micros }
}

pub(super) fn workspace(w: &Workspace) -> wire_v1::Workspace {
    wire_v1::Workspace {
        workspace_id: w.id.to_string(),
        name: w.name.clone(),
        time_zone: w.time_zone.clone(),
        currency_code: w.currency.to_string(),
        accept_unknown_task_types: w.accept_unknown,
        create_time: Some(timestamp(w.created)),
        // Limits were checked to fit where they came in.
        rate_limit_per_second: w.allowance.per_second.try_into().unwrap_or(i32::MAX),
        rate_burst: w.allowance.burst.try_into().unwrap_or(i32::MAX),
        monthly_quota_soft: w.allowance.quota_soft.try_into().unwrap_or(i64::MAX),
        monthly_quota_hard: w.allowance.quota_hard.try_into().unwrap_or(i64::MAX),
        dimension_values_max: w.allowance.dimension_values.try_into().unwrap_or(i32::MAX),
    }
}

pub(super) fn api_key(key: &KeyRecord) -> wire_v1::ApiKey {
    wire_v1::ApiKey {
        key_id: key.id.to_string(),
        name: key.name.clone(),
        scopes: key.scopes.iter().map(Scope::number).collect(),
        create_time: Some(timestamp(key.created)),
        expire_time: key.expires.map(timestamp),
        revoke_time: key.revoked.map(timestamp),
        last_use_time: key.last_used.map(timestamp),
    }
}
