//! The catalog's prices and exchange rates, as far as they bear on what a step or a call cost.

use std::error::Error;

use kernel::Currency;
use wire::catalog::v1 as catalog;

use super::guard;
use crate::domain::pricing::{TokenKind, TokenPrice};
use crate::domain::{Fact, ModelName, Patterns};

/// None for a pattern that is no regular expression: the catalog refuses those, and one that slips through
/// must not end the stream of everything else.
pub(super) fn model_price(body: catalog::ModelPrice, patterns: &mut Patterns) -> Option<Fact> {
    let holds = !body.withdrawn;
    // Without a currency it prices nothing: its models are unpriced, which is visible, and never free.
    let currency = Currency::new(&body.currency_code).ok().filter(|_| holds);
    let price = currency.map(|currency| {
        // Steps name no service tier: theirs is the standard one.
        let standard = body.token_prices.iter().filter(|price| price.service_tier.is_empty());
        (currency, standard.filter_map(token_price).collect())
    });
    let tier = guard::tier(body.tier()).filter(|_| holds);
    let name = match body.model_match() {
        catalog::ModelMatch::Regex => patterns.name(&body.model).or_else(|| {
            tracing::warn!(
                pattern = body.model,
                "a model price is passed over: its pattern is no regular expression"
            );
            None
        })?,
        catalog::ModelMatch::Exact | catalog::ModelMatch::Unspecified => {
            ModelName::Exact(body.model)
        }
    };
    Some(Fact::Price { provider: body.provider, name, tier, price })
}

fn token_price(sent: &catalog::TokenPrice) -> Option<TokenPrice> {
    let kind = match sent.token_kind() {
        catalog::TokenKind::Input => TokenKind::Input,
        catalog::TokenKind::CachedInput => TokenKind::CachedInput,
        catalog::TokenKind::Output => TokenKind::Output,
        catalog::TokenKind::Reasoning => TokenKind::Reasoning,
        // Steps do not count what they write into a cache.
        catalog::TokenKind::CacheWrite | catalog::TokenKind::Unspecified => return None,
    };
    Some(TokenPrice {
        kind,
        input_tokens_min: sent.input_tokens_min,
        micros_per_million: sent.price_micros_per_million_tokens,
    })
}

pub(super) fn fx_rate(body: &catalog::FxRate) -> Result<Fact, Box<dyn Error + Send + Sync>> {
    let base = Currency::new(&body.base_currency_code)?;
    let quote = Currency::new(&body.quote_currency_code)?;
    Ok(Fact::Fx { pair: (base, quote), nanos: body.rate_nanos })
}
