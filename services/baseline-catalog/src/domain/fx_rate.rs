//! What one currency is worth in another, since when, by whose word.

use std::fmt;

use kernel::{Currency, decimal};

use super::fields::Fields;
use super::node::{Entries, Node};
use super::wrong::{Problem, Why};

/// Digits behind the point of a rate: billionths.
const PLACES: usize = 9;
const NANOS_MAX: i64 = 1_000_000_000_000_000;
const SOURCE_LEN_MAX: usize = 255;

/// From which currency to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) base: Currency,
    pub(crate) quote: Currency,
}

/// What the change log files its versions under.
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.quote)
    }
}

/// One exchange rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FxRate {
    pub(crate) pair: Pair,
    /// Billionths of the quote currency for one unit of the base currency.
    pub(crate) nanos: i64,
    pub(crate) source: String,
}

impl FxRate {
    pub(super) fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let base = f.currency("base_currency_code");
        let quote = f.currency("quote_currency_code");
        let expected = "a rate above 0 and up to 1,000,000, such as 0.92";
        let nanos = f.decimal("rate", PLACES, 1..=NANOS_MAX, expected);
        let source = f.line("rate_source", SOURCE_LEN_MAX);
        let pair = Pair { base: base?, quote: quote? };
        if pair.base == pair.quote {
            let what = "differs from base_currency_code";
            f.refuse("quote_currency_code", Problem::new(Why::Invalid, what));
            return None;
        }
        Some(Self { pair, nanos: nanos?, source: source? })
    }

    pub(super) fn write(&self) -> Node {
        Entries::default()
            .text("base_currency_code", self.pair.base)
            .text("quote_currency_code", self.pair.quote)
            .text("rate", decimal::write(self.nanos, PLACES))
            .text("rate_source", &self.source)
            .node()
    }
}
