//! What tokens cost and currencies are worth, as one owner dated them.

use std::collections::HashMap;
use std::sync::Arc;

use kernel::{Currency, Dated, Money, Timestamp};

use super::ModelName;
use super::guard::Tier;
use super::limits::MONEY_MICROS_MAX;
use super::model_name::Pattern;

/// Tokens one step used, by kind. No kind contains another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) input: i64,
    pub(crate) cached_input: i64,
    pub(crate) output: i64,
    pub(crate) reasoning: i64,
}

/// Kinds of token that events count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Input,
    CachedInput,
    Output,
    Reasoning,
}

/// The price of one kind of token, for calls of at least so many input tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenPrice {
    pub(crate) kind: TokenKind,
    pub(crate) input_tokens_min: i64,
    pub(crate) micros_per_million: i64,
}

/// What a model's tokens cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Price {
    pub(crate) currency: Currency,
    pub(crate) tokens: Vec<TokenPrice>,
    pub(crate) version: String,
}

/// What one unit of a currency is worth in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FxRate {
    pub(crate) nanos: i64,
    pub(crate) version: String,
}

impl Price {
    /// `None` where nothing was counted, or something counted has no price: unpriced is never free. Nor is
    /// it believed past what may be sent.
    pub(crate) fn of(&self, tokens: Tokens) -> Option<Money> {
        let read = tokens.input.saturating_add(tokens.cached_input);
        let mut parts: i128 = 0;
        for (kind, count) in [
            (TokenKind::Input, tokens.input),
            (TokenKind::CachedInput, tokens.cached_input),
            (TokenKind::Output, tokens.output),
            (TokenKind::Reasoning, tokens.reasoning),
        ] {
            if count > 0 {
                parts += i128::from(count) * i128::from(self.per_million(kind, read)?);
            }
        }
        if tokens == Tokens::default() {
            return None;
        }
        // Rounded once, half up: a step of a few tokens costs less than a millionth.
        let micros = i64::try_from((parts + 500_000) / 1_000_000).ok()?;
        (micros <= MONEY_MICROS_MAX).then_some(Money { micros, currency: self.currency })
    }

    /// What has no price of its own is billed as what it is a kind of: the dearer, never nothing.
    fn per_million(&self, kind: TokenKind, read: i64) -> Option<i64> {
        let of = |kind| {
            let prices = self.tokens.iter().filter(|price| price.kind == kind);
            let reached = prices.filter(|price| price.input_tokens_min <= read);
            reached.max_by_key(|price| price.input_tokens_min).map(|price| price.micros_per_million)
        };
        of(kind).or_else(|| match kind {
            TokenKind::CachedInput => of(TokenKind::Input),
            TokenKind::Reasoning => of(TokenKind::Output),
            TokenKind::Input | TokenKind::Output => None,
        })
    }
}

impl FxRate {
    /// Rounded half up; `None` past nine trillion.
    pub(crate) fn convert(&self, money: Money, into: Currency) -> Option<Money> {
        let parts = i128::from(money.micros) * i128::from(self.nanos);
        let micros = i64::try_from((parts + 500_000_000) / 1_000_000_000).ok()?;
        Some(Money { micros, currency: into })
    }
}

/// A model as an event names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model<'a> {
    /// Empty: any.
    pub(crate) provider: &'a str,
    pub(crate) name: &'a str,
}

/// What one version of a price says. Of a withdrawn one: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Quote {
    pub(crate) tier: Option<Tier>,
    pub(crate) price: Option<Price>,
}

/// Models, prices and exchange rates of one owner.
#[derive(Debug, Clone, Default)]
pub(crate) struct PriceList {
    exact: HashMap<String, Vec<Listed>>,
    patterns: Vec<(Arc<Pattern>, Listed)>,
    fx: HashMap<(Currency, Currency), Dated<FxRate>>,
    /// Prices learnt so far: the order they were recorded in.
    recorded: u64,
}

/// The versions of one price, each with its place in the order they were recorded in.
#[derive(Debug, Clone)]
struct Listed {
    /// Empty: any.
    provider: String,
    history: Dated<(u64, Quote)>,
}

impl PriceList {
    /// What holds of models from `effective` on.
    pub(crate) fn set(
        &mut self,
        provider: String,
        name: ModelName,
        effective: Timestamp,
        quote: Quote,
    ) {
        self.recorded += 1;
        let version = (self.recorded, quote);
        let new = |provider| Listed { provider, history: Dated::new() };
        let listed = match name {
            ModelName::Exact(model) => {
                let all = self.exact.entry(model).or_default();
                let known = all.iter().position(|known| known.provider == provider);
                let place = known.unwrap_or_else(|| {
                    all.push(new(provider));
                    all.len() - 1
                });
                &mut all[place]
            }
            ModelName::Pattern(pattern) => {
                let all = &mut self.patterns;
                let known =
                    all.iter().position(|(of, known)| *of == pattern && known.provider == provider);
                let place = known.unwrap_or_else(|| {
                    all.push((pattern, new(provider)));
                    all.len() - 1
                });
                &mut all[place].1
            }
        };
        listed.history.push(effective, version);
    }

    pub(crate) fn set_fx(
        &mut self,
        pair: (Currency, Currency),
        effective: Timestamp,
        rate: FxRate,
    ) {
        self.fx.entry(pair).or_default().push(effective, rate);
    }

    /// The price of a model at `at`.
    pub(crate) fn price(&self, model: Model<'_>, at: Timestamp) -> Option<&Price> {
        self.find(model, at, |quote| quote.price.as_ref())
    }

    /// The tier of a model at `at`.
    pub(crate) fn tier(&self, model: Model<'_>, at: Timestamp) -> Option<Tier> {
        self.find(model, at, |quote| quote.tier)
    }

    pub(crate) fn fx(&self, from: Currency, into: Currency, at: Timestamp) -> Option<&FxRate> {
        self.fx.get(&(from, into))?.at(at)
    }

    /// An exact name goes before a pattern, the named provider before any, and what was recorded later
    /// before what was recorded earlier. Who names no provider means any.
    fn find<'l, T>(
        &'l self,
        model: Model<'_>,
        at: Timestamp,
        said: impl Fn(&'l Quote) -> Option<T>,
    ) -> Option<T> {
        let holds = |listed: &'l Listed| {
            let is_providers = !model.provider.is_empty() && listed.provider == model.provider;
            if !(is_providers || listed.provider.is_empty() || model.provider.is_empty()) {
                return None;
            }
            let (recorded, quote) = listed.history.at(at)?;
            Some(((is_providers, *recorded), said(quote)?))
        };
        let exact = self.exact.get(model.name).into_iter().flatten();
        let exact = exact.filter_map(holds).max_by_key(|(rank, _)| *rank);
        let found = exact.or_else(|| {
            let patterns = self.patterns.iter().filter_map(|(pattern, listed)| {
                // The moment first: it costs less than a pattern.
                holds(listed).filter(|_| pattern.is(model.name))
            });
            patterns.max_by_key(|(rank, _)| *rank)
        });
        found.map(|(_, said)| said)
    }
}

#[cfg(test)]
mod tests;
