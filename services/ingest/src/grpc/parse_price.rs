//! The catalog's prices and exchange rates, as far as they bear on what a step cost.

use std::error::Error;

use kernel::{Currency, Timestamp, WorkspaceId};
use wire::catalog::v1 as catalog;
use wire::catalog::v1::change::Body;

use crate::domain::pricing::{TokenKind, TokenPrice};
use crate::domain::{Change, Fact, ModelName};

/// `None` for other kinds.
pub(crate) fn parse_price(
    change: &catalog::Change,
) -> Result<Option<Change>, Box<dyn Error + Send + Sync>> {
    let (version, fact) = match &change.body {
        Some(Body::ModelPrice(body)) => match model_price(body) {
            Some(fact) => (&body.version, fact),
            None => return Ok(None),
        },
        Some(Body::FxRate(body)) => (&body.version, fx_rate(body)?),
        _ => return Ok(None),
    };
    let owner = match change.workspace_id.as_str() {
        "" => None,
        id => Some(id.parse::<WorkspaceId>()?),
    };
    let effective = change.effective_time.unwrap_or_default();
    let effective = Timestamp::from_parts(effective.seconds, effective.nanos);
    let version = version.as_ref().map(|version| version.version_id.clone()).unwrap_or_default();
    Ok(Some(Change { owner, effective, version, fact }))
}

/// None for a pattern that is no regular expression: the catalog refuses those, and one that slips
/// through must not end the stream of everything else.
fn model_price(body: &catalog::ModelPrice) -> Option<Fact> {
    let name = match body.model_match() {
        catalog::ModelMatch::Regex => ModelName::pattern(&body.model)?,
        catalog::ModelMatch::Exact | catalog::ModelMatch::Unspecified => {
            ModelName::Exact(body.model.clone())
        }
    };
    // Without a currency it prices nothing: its models are unpriced, which is visible, and never free.
    let currency = Currency::new(&body.currency_code).ok().filter(|_| !body.withdrawn);
    let price = currency.map(|currency| {
        // Steps name no service tier: theirs is the standard one.
        let standard = body.token_prices.iter().filter(|price| price.service_tier.is_empty());
        (currency, standard.filter_map(token_price).collect())
    });
    Some(Fact::Price { provider: body.provider.clone(), name, price })
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

fn fx_rate(body: &catalog::FxRate) -> Result<Fact, Box<dyn Error + Send + Sync>> {
    let base = Currency::new(&body.base_currency_code)?;
    let quote = Currency::new(&body.quote_currency_code)?;
    Ok(Fact::Fx { pair: (base, quote), nanos: body.rate_nanos })
}
