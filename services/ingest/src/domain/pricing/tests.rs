//! What tokens cost: never nothing by omission, never more by splitting.

use proptest::prelude::*;

use super::*;
use crate::domain::Patterns;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn per_million(kind: TokenKind, input_tokens_min: i64, micros_per_million: i64) -> TokenPrice {
    TokenPrice { kind, input_tokens_min, micros_per_million }
}

fn price(tokens: Vec<TokenPrice>) -> Price {
    Price { currency: Currency::EUR, tokens, version: "v".into() }
}

/// EUR 2.50 read, 10.00 written.
fn usual() -> Price {
    price(vec![
        per_million(TokenKind::Input, 0, 2_500_000),
        per_million(TokenKind::Output, 0, 10_000_000),
    ])
}

fn micros(price: &Price, tokens: Tokens) -> Option<i64> {
    price.of(tokens).map(|money| money.micros)
}

#[test]
fn a_step_costs_its_tokens_by_kind() {
    let tokens = Tokens { input: 1_000, output: 200, ..Tokens::default() };
    assert_eq!(micros(&usual(), tokens), Some(2_500 + 2_000));
    // Without prices of their own: as what they are a kind of.
    let tokens = Tokens { cached_input: 1_000, reasoning: 200, ..Tokens::default() };
    assert_eq!(micros(&usual(), tokens), Some(4_500));
}

#[test]
fn what_is_not_counted_or_has_no_price_is_unknown_and_never_free() {
    assert_eq!(micros(&usual(), Tokens::default()), None);
    let only_input = price(vec![per_million(TokenKind::Input, 0, 2_500_000)]);
    assert_eq!(micros(&only_input, Tokens { output: 1, ..Tokens::default() }), None);
    let free = price(vec![per_million(TokenKind::Output, 0, 0)]);
    assert_eq!(
        micros(&free, Tokens { output: 1, ..Tokens::default() }),
        Some(0),
        "said to be free"
    );
}

#[test]
fn long_calls_have_the_price_of_long_calls() {
    let stepped = price(vec![
        per_million(TokenKind::Input, 0, 1_000_000),
        per_million(TokenKind::Input, 200_000, 2_000_000),
    ]);
    let of = |input| micros(&stepped, Tokens { input, ..Tokens::default() });
    assert_eq!((of(199_999), of(200_000)), (Some(199_999), Some(400_000)));
}

fn exact(model: &str) -> ModelName {
    ModelName::Exact(model.into())
}

fn pattern(written: &str) -> ModelName {
    Patterns::default().name(written).unwrap()
}

fn by<'a>(provider: &'a str, name: &'a str) -> Model<'a> {
    Model { provider, name }
}

#[test]
fn an_exact_name_goes_before_a_pattern_and_the_later_before_the_earlier() {
    let mut list = PriceList::default();
    let named = |version: &str| {
        let price = Some(Price { version: version.into(), ..usual() });
        Quote { price, ..Quote::default() }
    };
    list.set("".into(), pattern("gpt-.*"), at(0), named("pattern"));
    list.set("".into(), pattern("gpt-4.*"), at(0), named("later"));
    list.set("openai".into(), exact("gpt-4o"), at(10), named("exact"));
    list.set("openai".into(), exact("gpt-4o"), at(20), Quote::default());
    let found =
        |model: &str, when| list.price(by("", model), at(when)).map(|price| price.version.as_str());
    assert_eq!(found("gpt-3", 5), Some("pattern"));
    assert_eq!(found("gpt-4o", 5), Some("later"));
    assert_eq!(found("gpt-4o", 10), Some("exact"));
    assert_eq!(found("gpt-4o", 20), Some("later"), "withdrawn, it steps aside");
    assert_eq!(found("claude", 20), None);
    assert_eq!(found("gpt-4o", -1), None);
}

#[test]
fn the_named_provider_goes_before_any_and_a_pattern_is_for_whole_names() {
    let mut list = PriceList::default();
    let of = |tier| Quote { tier: Some(tier), ..Quote::default() };
    list.set("openai".into(), exact("gpt-4o-mini"), at(10), of(Tier::Small));
    list.set("".into(), exact("gpt-4o-mini"), at(10), of(Tier::Standard));
    list.set("".into(), pattern("gpt-3.*"), at(10), of(Tier::Standard));
    list.set("".into(), pattern("gpt-3-turbo"), at(10), of(Tier::Large));
    let tier = |provider, model, when| list.tier(by(provider, model), at(when));
    assert_eq!(tier("openai", "gpt-4o-mini", 10), Some(Tier::Small));
    assert_eq!(tier("azure", "gpt-4o-mini", 10), Some(Tier::Standard));
    assert_eq!(tier("", "gpt-4o-mini", 10), Some(Tier::Standard), "any provider's: the later");
    assert_eq!(tier("azure", "gpt-3-turbo", 10), Some(Tier::Large));
    assert_eq!(tier("azure", "gpt-3", 10), Some(Tier::Standard));
    assert_eq!(tier("azure", "my-gpt-3", 10), None);
    assert_eq!(tier("azure", "gpt-3", 9), None, "before it held");
}

#[test]
fn money_is_converted_at_the_rate_of_its_day() {
    let mut list = PriceList::default();
    let usd = Currency::new("USD").unwrap();
    let rate = |nanos| FxRate { nanos, version: nanos.to_string() };
    list.set_fx((usd, Currency::EUR), at(10), rate(920_000_000));
    list.set_fx((usd, Currency::EUR), at(20), rate(930_000_000));
    assert_eq!(list.fx(usd, Currency::EUR, at(9)), None);
    let rate = list.fx(usd, Currency::EUR, at(19)).unwrap();
    let dollars = Money { micros: 1_000_001, currency: usd };
    let euros = rate.convert(dollars, Currency::EUR).unwrap();
    assert_eq!((euros.micros, euros.currency), (920_001, Currency::EUR));
    assert_eq!(list.fx(Currency::EUR, usd, at(20)), None, "a rate says nothing of the way back");
}

fn tokens() -> impl Strategy<Value = Tokens> {
    let count = 0i64..10_000_000;
    (count.clone(), count.clone(), count.clone(), count).prop_map(
        |(input, cached_input, output, reasoning)| Tokens {
            input,
            cached_input,
            output,
            reasoning,
        },
    )
}

proptest! {
    /// More tokens never cost less, and the sum of parts differs from the whole by its roundings at most.
    #[test]
    fn cost_grows_with_tokens_and_adds_up(one in tokens(), other in tokens()) {
        let price = usual();
        let both = Tokens {
            input: one.input + other.input,
            cached_input: one.cached_input + other.cached_input,
            output: one.output + other.output,
            reasoning: one.reasoning + other.reasoning,
        };
        let [a, b, whole] = [one, other, both].map(|tokens| micros(&price, tokens).unwrap_or(0));
        prop_assert!(whole >= a && whole >= b);
        prop_assert!((whole - a - b).abs() <= 1);
    }

    #[test]
    fn no_count_of_tokens_overflows(input in 0..i64::MAX, output in 0..i64::MAX) {
        let dear = price(vec![
            per_million(TokenKind::Input, 0, 1_000_000_000_000),
            per_million(TokenKind::Output, 0, 1_000_000_000_000),
        ]);
        let _ = dear.of(Tokens { input, output, ..Tokens::default() });
    }
}
