//! What tokens cost and currencies are worth, as one owner dated them.

use std::collections::HashMap;

use kernel::{Currency, Dated, Money, Timestamp};

use super::ModelName;

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
    /// `None` where nothing was counted, or something counted has no price: unpriced is never free.
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
        Some(Money { micros, currency: self.currency })
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

/// Prices and exchange rates of one owner.
#[derive(Debug, Clone, Default)]
pub(crate) struct PriceList {
    exact: HashMap<String, Vec<Listed>>,
    patterns: Vec<Listed>,
    fx: HashMap<(Currency, Currency), Dated<FxRate>>,
    /// Prices learnt so far: the order they were recorded in.
    recorded: u64,
}

#[derive(Debug, Clone)]
struct Listed {
    /// Empty: any.
    provider: String,
    name: ModelName,
    /// When each version was recorded, and what it says; None withdraws.
    history: Dated<(u64, Option<Price>)>,
}

impl PriceList {
    /// The price of models from `effective` on; None withdraws it.
    pub(crate) fn set_price(
        &mut self,
        provider: String,
        name: ModelName,
        effective: Timestamp,
        price: Option<Price>,
    ) {
        self.recorded += 1;
        let version = (self.recorded, price);
        let listed = match &name {
            ModelName::Exact(model) => self.exact.entry(model.clone()).or_default(),
            ModelName::Pattern { .. } => &mut self.patterns,
        };
        match listed.iter_mut().find(|known| known.provider == provider && known.name == name) {
            Some(known) => known.history.push(effective, version),
            None => {
                let mut history = Dated::new();
                history.push(effective, version);
                listed.push(Listed { provider, name, history });
            }
        }
    }

    pub(crate) fn set_fx(
        &mut self,
        pair: (Currency, Currency),
        effective: Timestamp,
        rate: FxRate,
    ) {
        self.fx.entry(pair).or_default().push(effective, rate);
    }

    /// The price of a model at `at`. Steps name no provider, so any provider's will do. An exact name goes
    /// before a pattern, and what was recorded later before what was recorded earlier.
    pub(crate) fn price(&self, model: &str, at: Timestamp) -> Option<&Price> {
        let exact = self.exact.get(model).and_then(|listed| newest(listed, model, at));
        exact.or_else(|| newest(&self.patterns, model, at))
    }

    pub(crate) fn fx(&self, from: Currency, into: Currency, at: Timestamp) -> Option<&FxRate> {
        self.fx.get(&(from, into))?.at(at)
    }
}

fn newest<'l>(listed: &'l [Listed], model: &str, at: Timestamp) -> Option<&'l Price> {
    let held = listed.iter().filter_map(|listed| {
        // The moment first: it costs less than a pattern.
        let (recorded, price) = listed.history.at(at)?;
        let price = price.as_ref()?;
        listed.name.is(model).then_some((*recorded, price))
    });
    held.max_by_key(|(recorded, _)| *recorded).map(|(_, price)| price)
}

#[cfg(test)]
mod tests;
