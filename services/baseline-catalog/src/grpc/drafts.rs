//! Messages as they came, in the one notation that values are read from: what a caller may send and
//! what a pack may hold is checked once, in the domain.

use wire::catalog::v1 as pb;

use crate::domain::{Entries, Node};

pub(super) fn aliases(sent: &[pb::TaskTypeAlias]) -> Vec<Node> {
    let alias = |sent: &pb::TaskTypeAlias| {
        Entries::default()
            .text("alias", &sent.alias)
            .text("language", &sent.language)
            .text("channel", &sent.channel)
            .node()
    };
    sent.iter().map(alias).collect()
}

pub(super) fn category(sent: i32) -> String {
    word(pb::TaskCategory::try_from(sent).map(|known| known.as_str_name()), sent, "TASK_CATEGORY_")
}

pub(super) fn policy(sent: &pb::SavingsPolicy) -> Node {
    let kind = pb::SavingsPolicyKind::try_from(sent.kind).map(|known| known.as_str_name());
    Entries::default()
        .text("kind", word(kind, sent.kind, "SAVINGS_POLICY_KIND_"))
        .text("subtract_agent_duration", or_none(sent.subtract_agent_duration))
        .text("unmeasured_review_credit_percent", or_none(sent.unmeasured_review_credit_percent))
        .text("edit_ratio_threshold_percent", or_none(sent.edit_ratio_threshold_percent))
        .node()
}

pub(super) fn reporting(sent: &pb::ReportingDefaults) -> Node {
    let number = |sent: i32| if sent == 0 { String::new() } else { sent.to_string() };
    Entries::default()
        .text("currency_code", &sent.currency_code)
        .text("time_zone", &sent.time_zone)
        .text("hours_per_fte_month", number(sent.hours_per_fte_month))
        .text("fiscal_year_start_month", number(sent.fiscal_year_start_month))
        .node()
}

pub(super) fn intent(sent: &pb::Intent) -> Node {
    let risk = pb::RiskLevel::try_from(sent.risk).map(|known| known.as_str_name());
    let state = pb::IntentState::try_from(sent.state).map(|known| known.as_str_name());
    let limits = sent.call_limits.as_ref().map_or_else(|| Entries::default().node(), call_limits);
    Entries::default()
        .text("intent", &sent.intent)
        .text("display_name", &sent.display_name)
        .text("description", &sent.description)
        .text("risk", word(risk, sent.risk, "RISK_LEVEL_"))
        .text("ai_may_resolve", sent.ai_may_resolve)
        .texts("required_identifiers", &sent.required_identifiers)
        .texts("packet_fields", &sent.packet_fields)
        .texts("allowed_tiers", sent.allowed_tiers.iter().map(|sent| tier(*sent)))
        .map("call_limits", limits)
        .text("state", word(state, sent.state, "INTENT_STATE_"))
        .node()
}

fn call_limits(sent: &pb::CallLimits) -> Node {
    let memory = sent.memory_duration.as_ref().map(|sent| {
        let ms =
            sent.seconds.saturating_mul(1_000).saturating_add(i64::from(sent.nanos / 1_000_000));
        format!("{ms}ms")
    });
    Entries::default()
        .text("retries_max", or_none(sent.retries_max))
        .text("identical_calls_max", or_none(sent.identical_calls_max))
        .text("identical_retryable_calls_max", or_none(sent.identical_retryable_calls_max))
        .texts("polling_tools", &sent.polling_tools)
        .text("memory_duration", or_none(memory))
        .node()
}

pub(super) fn model_price(sent: &pb::ModelPrice) -> Node {
    let matching = pb::ModelMatch::try_from(sent.model_match).map(|known| known.as_str_name());
    Entries::default()
        .text("provider", &sent.provider)
        .text("model", &sent.model)
        .text("model_match", word(matching, sent.model_match, "MODEL_MATCH_"))
        .text("tier", tier(sent.tier))
        .text("currency_code", &sent.currency_code)
        .list("token_prices", sent.token_prices.iter().map(token_price).collect())
        .text("price_source", &sent.price_source)
        .flag("withdrawn", sent.withdrawn)
        .node()
}

fn token_price(sent: &pb::TokenPrice) -> Node {
    let kind = pb::TokenKind::try_from(sent.token_kind).map(|known| known.as_str_name());
    Entries::default()
        .text("token_kind", word(kind, sent.token_kind, "TOKEN_KIND_"))
        .text("service_tier", &sent.service_tier)
        .text("input_tokens_min", sent.input_tokens_min)
        .text("per_million_tokens", decimal(sent.price_micros_per_million_tokens, 6))
        .node()
}

pub(super) fn fx_rate(sent: &pb::FxRate) -> Node {
    Entries::default()
        .text("base_currency_code", &sent.base_currency_code)
        .text("quote_currency_code", &sent.quote_currency_code)
        .text("rate", decimal(sent.rate_nanos, 9))
        .text("rate_source", &sent.rate_source)
        .node()
}

fn tier(sent: i32) -> String {
    let word =
        word(pb::ModelTier::try_from(sent).map(|known| known.as_str_name()), sent, "MODEL_TIER_");
    // In a list an empty text would be lost among those that are there.
    if word.is_empty() { "unspecified".to_owned() } else { word }
}

/// The word of an enum's value: empty for unspecified, the number for one this build does not know.
fn word<E>(name: Result<&'static str, E>, number: i32, prefix: &str) -> String {
    match name {
        Ok(_) if number == 0 => String::new(),
        Ok(name) => name.trim_start_matches(prefix).to_lowercase(),
        Err(_) => number.to_string(),
    }
}

fn or_none(sent: Option<impl ToString>) -> String {
    sent.map_or_else(String::new, |sent| sent.to_string())
}

/// A number of parts as a decimal; a negative one as it came, to be refused.
fn decimal(parts: i64, places: usize) -> String {
    if parts < 0 { parts.to_string() } else { kernel::decimal::write(parts, places) }
}
