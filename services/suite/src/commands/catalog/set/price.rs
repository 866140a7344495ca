//! `tally catalog set price`.

use clap::{Args, ValueEnum};
use kernel::decimal;
use wire::catalog::v1 as pb;

use super::How;

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally catalog set price gpt-4o-mini --provider openai --tier small --currency USD \\
      --token input=0.15 --token cached_input=0.075 --token output=0.60 --reason \"Price list of May\"
  tally catalog set price 'gpt-4o(-[0-9-]+)?' --regex --tier large --currency USD \\
      --token input=2.50 --token input/batch=1.25 --token input@200000=5 --token output=10 --reason \"The same\"")]
pub(in super::super) struct Price {
    /// The model, as events name it; with --regex a pattern for whole names.
    model: String,
    /// Only where this provider serves it. Default: any.
    #[arg(long, default_value = "", hide_default_value = true)]
    provider: String,
    /// The model is a regular expression.
    #[arg(long)]
    regex: bool,
    /// How capable, and dear, the model is.
    #[arg(long, required_unless_present = "withdraw")]
    tier: Option<Tier>,
    /// ISO 4217 currency of the prices.
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        required_unless_present = "withdraw"
    )]
    currency: String,
    /// Price of a million tokens of a kind (input, output, cached_input, cache_write, reasoning), such as
    /// input=2.50; of one service tier, input/batch=1.25; for calls of at least so many input tokens,
    /// input@200000=5. May be repeated.
    #[arg(long, value_parser = token, required_unless_present = "withdraw", conflicts_with = "withdraw")]
    token: Vec<pb::TokenPrice>,
    /// The price list this was read from.
    #[arg(long, default_value = "", hide_default_value = true)]
    source: String,
    /// Withdraw the price: the model is unpriced, or another price matches it.
    #[arg(long)]
    withdraw: bool,
    #[command(flatten)]
    how: How,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Tier {
    Small,
    Standard,
    Large,
}

impl Tier {
    pub(super) fn message(self) -> pb::ModelTier {
        match self {
            Self::Small => pb::ModelTier::Small,
            Self::Standard => pb::ModelTier::Standard,
            Self::Large => pb::ModelTier::Large,
        }
    }
}

impl Price {
    /// What is set, and how.
    pub(super) fn parts(self) -> (pb::ModelPrice, How) {
        let matching = if self.regex { pb::ModelMatch::Regex } else { pb::ModelMatch::Exact };
        let price = pb::ModelPrice {
            provider: self.provider,
            model: self.model,
            model_match: matching.into(),
            tier: self.tier.map_or(pb::ModelTier::Unspecified, Tier::message).into(),
            currency_code: self.currency,
            token_prices: self.token,
            price_source: self.source,
            withdrawn: self.withdraw,
            version: None,
        };
        (price, self.how)
    }
}

/// `input=2.50`, `input/batch=1.25`, `input@200000=5`.
fn token(text: &str) -> Result<pb::TokenPrice, String> {
    let wrong =
        || "write a price such as input=2.50, input/batch=1.25 or input@200000=5".to_owned();
    let (what, price) = text.rsplit_once('=').ok_or_else(wrong)?;
    let (what, from) = what.rsplit_once('@').unwrap_or((what, "0"));
    let (kind, service_tier) = what.split_once('/').unwrap_or((what, ""));
    let name = format!("TOKEN_KIND_{}", kind.to_uppercase());
    let kind = pb::TokenKind::from_str_name(&name).ok_or_else(wrong)?;
    Ok(pb::TokenPrice {
        token_kind: kind.into(),
        service_tier: service_tier.to_owned(),
        input_tokens_min: from.parse().map_err(|_| wrong())?,
        price_micros_per_million_tokens: decimal::parse(price, 6).ok_or_else(wrong)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_price_says_of_which_kind_it_is_and_from_when_on() {
        let told = |text| {
            let price = token(text)?;
            let micros = price.price_micros_per_million_tokens;
            Ok::<_, String>((
                price.token_kind(),
                price.service_tier,
                price.input_tokens_min,
                micros,
            ))
        };
        let expected = (pb::TokenKind::CachedInput, "batch".to_owned(), 200_000, 75_000);
        assert_eq!(told("cached_input/batch@200000=0.075"), Ok(expected));
        assert_eq!(told("output=10"), Ok((pb::TokenKind::Output, String::new(), 0, 10_000_000)));
        for bad in ["", "output", "output=", "lunch=1", "input@x=1", "input=1e3", "=1"] {
            assert!(told(bad).is_err(), "{bad}");
        }
    }
}
