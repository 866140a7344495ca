//! What a model's tokens cost, and which tier it is of.

use kernel::{Currency, Malformed, decimal};

use super::fields::{Fields, Reading};
use super::intent::Tier;
use super::node::{Entries, Node};
use super::words::{line, worded};
use super::wrong::{Problem, Why};

const NAME_LEN_MAX: usize = 255;
const SOURCE_LEN_MAX: usize = 1_024;
const SERVICE_TIER_LEN_MAX: usize = 64;
const TOKEN_PRICES_MAX: usize = 64;
const PLACES: usize = 6;
const PRICE_MICROS_MAX: i64 = 1_000_000_000_000;
/// More than an alternation of some hundred letters needs, compiled byte by byte. Ingest compiles with the
/// same limits: what is taken here works there.
const PATTERN_BYTES_MAX: usize = 8 * 1024;
/// What matching may keep of each.
const MATCHING_BYTES_MAX: usize = 16 * 1024;

worded! {
    /// How the name is compared with an event's model.
    Matching: "exact or regex" {
        Exact = "exact",
        Regex = "regex",
    }
}

worded! {
    /// Kinds of token that providers bill apart.
    TokenKind: "input, output, cached_input, cache_write or reasoning" {
        Input = "input",
        Output = "output",
        CachedInput = "cached_input",
        CacheWrite = "cache_write",
        Reasoning = "reasoning",
    }
}

/// Which models a price is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PriceKey {
    /// Empty: any.
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) matching: Matching,
}

/// One price list of a model, or of a pattern of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelPrice {
    pub(crate) key: PriceKey,
    /// `None` withdraws: the model is unpriced, or another price matches it.
    pub(crate) prices: Option<Prices>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prices {
    pub(crate) tier: Tier,
    pub(crate) currency: Currency,
    pub(crate) tokens: Vec<TokenPrice>,
    pub(crate) source: String,
}

/// The price of one kind of token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenPrice {
    pub(crate) kind: TokenKind,
    pub(crate) service_tier: String,
    pub(crate) input_tokens_min: i64,
    pub(crate) micros_per_million: i64,
}

impl PriceKey {
    /// Whether it prices a model of that name.
    pub(crate) fn matches(&self, model: &str) -> bool {
        match self.matching {
            Matching::Exact => self.model == model,
            Matching::Regex => {
                pattern(&self.model).is_ok_and(|regex| regex.is_match(model.as_bytes()))
            }
        }
    }
}

/// For whole names.
fn pattern(written: &str) -> Result<regex::bytes::Regex, Problem> {
    let compile = |text: &str| {
        let built = regex::bytes::RegexBuilder::new(text)
            .unicode(false)
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(MATCHING_BYTES_MAX)
            .build();
        built.map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => {
                let what = format!(
                    "is a pattern that takes more than {limit} bytes once compiled: repeat less, or name models exactly"
                );
                Problem::new(Why::TooLarge, what)
            }
            _ => {
                let expected = "a regular expression without look-around or back-references";
                Malformed::new(expected, written).into()
            }
        })
    };
    // By itself first: `a)|(b` is a pattern only inside the brackets that make it match whole names.
    compile(written)?;
    compile(&format!(r"\A(?:{written})\z"))
}

impl ModelPrice {
    pub(super) fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let reading = f.reading();
        let provider = f.some_line("provider", NAME_LEN_MAX);
        let matching = f.optional("model_match", Matching::parse);
        let matching = matching.map(|matching| matching.unwrap_or(Matching::Exact));
        let model = f.take("model", |text| {
            let model = line(text, reading.most(NAME_LEN_MAX))?;
            if reading == Reading::Sent && matching == Some(Matching::Regex) {
                pattern(&model)?;
            }
            Ok::<_, Problem>(model)
        });
        let withdrawn = f.truth("withdrawn", false)?;
        let prices = if withdrawn { Self::read_none(f) } else { Prices::read(f).map(Some) };
        let provider = provider?.unwrap_or_default();
        let key = PriceKey { provider, model: model?, matching: matching? };
        Some(Self { key, prices: prices? })
    }

    /// What a withdrawn price does not say.
    fn read_none(f: &mut Fields<'_, '_>) -> Option<Option<Prices>> {
        // A caller who withdraws sends the price as it was read, tier and all: only prices would mislead.
        for name in ["tier", "currency_code", "price_source"] {
            f.text(name);
        }
        let prices = f.each("token_prices", TOKEN_PRICES_MAX, TokenPrice::read)?;
        if prices.is_empty() {
            return Some(None);
        }
        let what = "is left out when the price is withdrawn";
        f.refuse("token_prices", Problem::new(Why::Invalid, what));
        None
    }

    pub(super) fn write(&self) -> Node {
        let matching = if self.key.matching == Matching::Exact { "" } else { "regex" };
        let entries = Entries::default()
            .text("provider", &self.key.provider)
            .text("model", &self.key.model)
            .text("model_match", matching);
        let Some(prices) = &self.prices else { return entries.flag("withdrawn", true).node() };
        entries
            .text("tier", prices.tier.as_str())
            .text("currency_code", prices.currency)
            .list("token_prices", prices.tokens.iter().map(TokenPrice::write).collect())
            .text("price_source", &prices.source)
            .node()
    }
}

impl Prices {
    fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let tier = f.take("tier", Tier::parse);
        let currency = f.currency("currency_code");
        let tokens = f.each("token_prices", TOKEN_PRICES_MAX, TokenPrice::read);
        let source = f.prose("price_source", SOURCE_LEN_MAX);
        let mut tokens = tokens?;
        if tokens.is_empty() {
            let what = "says what at least one kind of token costs";
            f.refuse("token_prices", Problem::new(Why::Required, what));
            return None;
        }
        // In one order, so that the same prices are the same value.
        tokens.sort_by(|a, b| a.place().cmp(&b.place()));
        if tokens.windows(2).any(|pair| pair[0].place() == pair[1].place()) {
            let what = "has one price for each token_kind, service_tier and input_tokens_min";
            f.refuse("token_prices", Problem::new(Why::Invalid, what));
            return None;
        }
        Some(Self { tier: tier?, currency: currency?, tokens, source: source? })
    }
}

impl TokenPrice {
    fn place(&self) -> (TokenKind, &str, i64) {
        (self.kind, &self.service_tier, self.input_tokens_min)
    }

    fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let kind = f.take("token_kind", TokenKind::parse);
        let service_tier = f.some_line("service_tier", SERVICE_TIER_LEN_MAX);
        let input_tokens_min = f.number("input_tokens_min", 0, 0..=i64::MAX);
        let expected = "a price of 0 to 1,000,000 for a million tokens, such as 2.50";
        let micros = f.decimal("per_million_tokens", PLACES, 0..=PRICE_MICROS_MAX, expected);
        Some(Self {
            kind: kind?,
            service_tier: service_tier?.unwrap_or_default(),
            input_tokens_min: input_tokens_min?,
            micros_per_million: micros?,
        })
    }

    fn write(&self) -> Node {
        let from = if self.input_tokens_min == 0 {
            String::new()
        } else {
            self.input_tokens_min.to_string()
        };
        Entries::default()
            .text("token_kind", self.kind.as_str())
            .text("service_tier", &self.service_tier)
            .text("input_tokens_min", from)
            .text("per_million_tokens", decimal::write(self.micros_per_million, PLACES))
            .node()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_prices_whole_names_only() {
        let key = |model: &str, matching| PriceKey {
            provider: String::new(),
            model: model.to_owned(),
            matching,
        };
        let minis = key("gpt-4o-mini(-\\d+)?", Matching::Regex);
        assert!(minis.matches("gpt-4o-mini") && minis.matches("gpt-4o-mini-2024"));
        assert!(!minis.matches("my-gpt-4o-mini") && !minis.matches("gpt-4o"));
        assert!(key("gpt.4", Matching::Exact).matches("gpt.4"));
        assert!(!key("gpt.4", Matching::Exact).matches("gpt-4"));
        let why = |written| pattern(written).unwrap_err().why;
        assert_eq!([why("a)|(b"), why("(?=x)")], [Why::Invalid, Why::Invalid]);
        assert_eq!(why("(?:[a-z]{100}){100}"), Why::TooLarge, "it is one, and too large");
    }
}
