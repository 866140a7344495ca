//! Values of the catalog become messages. Nothing here can fail.

use wire::catalog::v1 as pb;

use super::render::version;
use crate::domain::{
    Alias, Category, FxRate, Intent, Life, Matching, ModelPrice, Policy, PolicyKind, Recorded,
    Reporting, Risk, Tag, TaskType, Tier, TokenKind, TokenPrice, built_ins,
};

pub(super) fn task_type(recorded: &Recorded<TaskType>) -> pb::TaskType {
    let value = &recorded.value;
    let origin = match built_ins().task_type(&value.key) {
        Some(_) => pb::TaskTypeOrigin::BuiltIn,
        None => pb::TaskTypeOrigin::Custom,
    };
    let category = match value.category {
        Category::Support => pb::TaskCategory::Support,
        Category::Ops => pb::TaskCategory::Ops,
        Category::Sales => pb::TaskCategory::Sales,
        Category::Legal => pb::TaskCategory::Legal,
        Category::Content => pb::TaskCategory::Content,
        Category::Research => pb::TaskCategory::Research,
        Category::Data => pb::TaskCategory::Data,
        Category::Dev => pb::TaskCategory::Dev,
        Category::Other => pb::TaskCategory::Unspecified,
    };
    let state = match value.life {
        Life::Active => pb::TaskTypeState::Active,
        Life::Archived => pb::TaskTypeState::Archived,
    };
    pb::TaskType {
        task_type: value.key.as_str().to_owned(),
        display_name: value.name.clone(),
        description: value.description.clone(),
        category: category.into(),
        origin: origin.into(),
        state: state.into(),
        aliases: value.aliases.iter().map(alias).collect(),
        version: Some(version(&recorded.version)),
    }
}

fn alias(alias: &Alias) -> pb::TaskTypeAlias {
    let text = |tag: &Option<Tag>| tag.as_ref().map_or_else(String::new, |t| t.as_str().to_owned());
    pb::TaskTypeAlias {
        alias: alias.alias.as_str().to_owned(),
        language: text(&alias.language),
        channel: text(&alias.channel),
    }
}

pub(super) fn policy(recorded: &Recorded<Policy>) -> pb::SavingsPolicy {
    let value = &recorded.value;
    let kind = match value.kind {
        PolicyKind::Gross => pb::SavingsPolicyKind::Gross,
        PolicyKind::Credited => pb::SavingsPolicyKind::Credited,
        PolicyKind::Strict => pb::SavingsPolicyKind::Strict,
    };
    pb::SavingsPolicy {
        kind: kind.into(),
        subtract_agent_duration: Some(value.subtract_agent_duration),
        unmeasured_review_credit_percent: Some(small(value.unmeasured_review_credit_percent)),
        edit_ratio_threshold_percent: Some(small(value.edit_ratio_threshold_percent)),
        version: Some(version(&recorded.version)),
    }
}

pub(super) fn reporting(recorded: &Recorded<Reporting>) -> pb::ReportingDefaults {
    let value = &recorded.value;
    pb::ReportingDefaults {
        currency_code: value.currency.to_string(),
        time_zone: value.zone.as_str().to_owned(),
        hours_per_fte_month: small(value.hours_per_fte_month),
        fiscal_year_start_month: small(value.fiscal_year_start_month),
        version: Some(version(&recorded.version)),
    }
}

pub(super) fn intent(recorded: &Recorded<Intent>) -> pb::Intent {
    let value = &recorded.value;
    let risk = match value.risk {
        Risk::Low => pb::RiskLevel::Low,
        Risk::Medium => pb::RiskLevel::Medium,
        Risk::High => pb::RiskLevel::High,
        Risk::Critical => pb::RiskLevel::Critical,
    };
    let state = match value.life {
        Life::Active => pb::IntentState::Active,
        Life::Archived => pb::IntentState::Archived,
    };
    let limits = &value.limits;
    let (seconds, ms) = (limits.memory_ms / 1_000, limits.memory_ms % 1_000);
    let memory = wire::Duration { seconds, nanos: small(ms * 1_000_000) };
    pb::Intent {
        intent: value.key.as_str().to_owned(),
        display_name: value.name.clone(),
        description: value.description.clone(),
        risk: risk.into(),
        ai_may_resolve: value.ai_may_resolve,
        required_identifiers: value.required_identifiers.clone(),
        packet_fields: value.packet_fields.clone(),
        allowed_tiers: value.allowed_tiers.iter().map(|of| tier(*of).into()).collect(),
        call_limits: Some(pb::CallLimits {
            retries_max: Some(small(limits.retries_max)),
            identical_calls_max: Some(small(limits.identical_calls_max)),
            identical_retryable_calls_max: Some(small(limits.identical_retryable_calls_max)),
            polling_tools: limits.polling_tools.clone(),
            memory_duration: Some(memory),
        }),
        state: state.into(),
        version: Some(version(&recorded.version)),
    }
}

pub(super) fn model_price(recorded: &Recorded<ModelPrice>) -> pb::ModelPrice {
    let ModelPrice { key, prices } = &recorded.value;
    let matching = match key.matching {
        Matching::Exact => pb::ModelMatch::Exact,
        Matching::Regex => pb::ModelMatch::Regex,
    };
    let prices = prices.as_ref();
    pb::ModelPrice {
        provider: key.provider.clone(),
        model: key.model.clone(),
        model_match: matching.into(),
        tier: prices.map_or(pb::ModelTier::Unspecified, |prices| tier(prices.tier)).into(),
        currency_code: prices.map_or_else(String::new, |prices| prices.currency.to_string()),
        token_prices: prices.iter().flat_map(|prices| &prices.tokens).map(token_price).collect(),
        price_source: prices.map_or_else(String::new, |prices| prices.source.clone()),
        withdrawn: prices.is_none(),
        version: Some(version(&recorded.version)),
    }
}

fn token_price(price: &TokenPrice) -> pb::TokenPrice {
    let kind = match price.kind {
        TokenKind::Input => pb::TokenKind::Input,
        TokenKind::Output => pb::TokenKind::Output,
        TokenKind::CachedInput => pb::TokenKind::CachedInput,
        TokenKind::CacheWrite => pb::TokenKind::CacheWrite,
        TokenKind::Reasoning => pb::TokenKind::Reasoning,
    };
    pb::TokenPrice {
        token_kind: kind.into(),
        service_tier: price.service_tier.clone(),
        input_tokens_min: price.input_tokens_min,
        price_micros_per_million_tokens: price.micros_per_million,
    }
}

fn tier(tier: Tier) -> pb::ModelTier {
    match tier {
        Tier::Small => pb::ModelTier::Small,
        Tier::Standard => pb::ModelTier::Standard,
        Tier::Large => pb::ModelTier::Large,
    }
}

pub(super) fn fx_rate(recorded: &Recorded<FxRate>) -> pb::FxRate {
    let value = &recorded.value;
    pb::FxRate {
        base_currency_code: value.pair.base.to_string(),
        quote_currency_code: value.pair.quote.to_string(),
        rate_nanos: value.nanos,
        rate_source: value.source.clone(),
        version: Some(version(&recorded.version)),
    }
}

/// Numbers whose limits the domain holds well below.
fn small(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
