//! Requests that set a value become changes: every wrong field is found before any is refused.

use fault::{ErrorReason, Fault, Violations};
use wire::catalog::v1 as pb;

use super::drafts;
use super::parse::{Caller, change, head, refuse_unless, required_key, value};
use crate::app::Write;
use crate::domain::{
    BaselineValue, CITATION_LEN_MAX, Effort, Kind, Name, NewChange, Rate, RateTarget, RateValue,
    Value, currency,
};
use kernel::Currency;

type Command = Result<(NewChange, Write), Fault>;

pub(super) fn baseline(request: pb::SetBaselineRequest, caller: Caller) -> Command {
    let mut v = Violations::new();
    let key = required_key(&mut v, request.key.as_ref());
    let effort = if request.withdrawn {
        let what = "is 0 when the baseline is withdrawn";
        refuse_unless(&mut v, request.baseline_ms == 0, "baseline_ms", what);
        Some(None)
    } else {
        v.take("baseline_ms", Effort::from_ms(request.baseline_ms)).map(Some)
    };
    let citation = citation(&mut v, &request.citation);
    let value = key
        .zip(effort)
        .zip(citation)
        .map(|((key, effort), citation)| Value::Baseline(BaselineValue { key, effort, citation }));
    change(v, value, head!(SetBaselineRequest, request), caller)
}

pub(super) fn hourly_rate(request: pb::SetHourlyRateRequest, caller: Caller) -> Command {
    let mut v = Violations::new();
    let target = target(&mut v, &request.agent_id, &request.team_id);
    let rate = if request.withdrawn {
        let absent = request.rate_micros_per_hour == 0;
        refuse_unless(&mut v, absent, "rate_micros_per_hour", "is 0 when the rate is withdrawn");
        Some(None)
    } else {
        let currency = currency(&request.currency_code);
        let currency = currency.map_err(|problem| {
            v.add("currency_code", super::wrongs::reason(problem.why), problem.what);
        });
        let or_any = currency.unwrap_or(Currency::EUR);
        let rate = v.take("rate_micros_per_hour", Rate::new(request.rate_micros_per_hour, or_any));
        rate.filter(|_| currency.is_ok()).map(Some)
    };
    let value =
        target.zip(rate).map(|(target, rate)| Value::HourlyRate(RateValue { target, rate }));
    change(v, value, head!(SetHourlyRateRequest, request), caller)
}

pub(super) fn policy(request: pb::SetSavingsPolicyRequest, caller: Caller) -> Command {
    let mut v = Violations::new();
    let sent = drafts::policy(&request.savings_policy.clone().unwrap_or_default());
    let policy = value(&mut v, Kind::Policy, "savings_policy", &sent);
    change(v, policy, head!(SetSavingsPolicyRequest, request), caller)
}

pub(super) fn reporting(request: pb::SetReportingDefaultsRequest, caller: Caller) -> Command {
    let mut v = Violations::new();
    let reporting = match &request.reporting_defaults {
        Some(sent) => {
            value(&mut v, Kind::Reporting, "reporting_defaults", &drafts::reporting(sent))
        }
        None => {
            v.add("reporting_defaults", ErrorReason::Required, "are what reports shall assume");
            None
        }
    };
    change(v, reporting, head!(SetReportingDefaultsRequest, request), caller)
}

pub(super) fn intent(request: pb::SetIntentRequest, caller: Caller) -> Command {
    let mut v = Violations::new();
    let sent = drafts::intent(&request.intent.clone().unwrap_or_default());
    let intent = value(&mut v, Kind::Intent, "intent", &sent);
    change(v, intent, head!(SetIntentRequest, request), caller)
}

pub(super) fn model_price(request: pb::SetModelPriceRequest, caller: Caller) -> Command {
    let mut v = Violations::new();
    let sent = drafts::model_price(&request.model_price.clone().unwrap_or_default());
    let price = value(&mut v, Kind::ModelPrice, "model_price", &sent);
    change(v, price, head!(SetModelPriceRequest, request), caller)
}

pub(super) fn fx_rate(request: pb::SetFxRateRequest, caller: Caller) -> Command {
    let mut v = Violations::new();
    let sent = drafts::fx_rate(&request.fx_rate.clone().unwrap_or_default());
    let rate = value(&mut v, Kind::FxRate, "fx_rate", &sent);
    change(v, rate, head!(SetFxRateRequest, request), caller)
}

/// What an effort rests on.
pub(super) fn citation(v: &mut Violations, sent: &str) -> Option<String> {
    let citation = sent.trim().to_owned();
    if citation.len() <= CITATION_LEN_MAX {
        return Some(citation);
    }
    let what = format!("is at most {CITATION_LEN_MAX} bytes; {} were sent", citation.len());
    v.add("citation", ErrorReason::TooLarge, what);
    None
}

fn target(v: &mut Violations, agent_id: &str, team_id: &str) -> Option<RateTarget> {
    match (agent_id, team_id) {
        ("", "") => Some(RateTarget::Workspace),
        (agent, "") => v.take("agent_id", Name::new(agent)).map(RateTarget::Agent),
        ("", team) => v.take("team_id", Name::new(team)).map(RateTarget::Team),
        (_, _) => {
            let what = "is empty when agent_id is set: a rate has one target";
            v.add("team_id", ErrorReason::InvalidField, what);
            None
        }
    }
}
