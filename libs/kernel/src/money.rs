//! Money in integers: millionths of a currency's unit, and sums that are rounded once.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use crate::Malformed;

const MICROS: i128 = 1_000_000;
const MS_PER_HOUR: i128 = 3_600_000;

/// An ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro, what a workspace counts in unless it says otherwise.
    pub const EUR: Self = Self(*b"EUR");

    /// Three upper-case letters.
    pub fn new(code: &str) -> Result<Self, Malformed> {
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters)),
            _ => Err(Malformed::new("an ISO 4217 code such as EUR", code)),
        }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("Currency::new takes ASCII letters only")
    }

    /// Digits people expect behind the point. The ISO exceptions that matter to wages are listed.
    fn digits(self) -> u32 {
        match &self.0 {
            b"JPY" | b"KRW" | b"VND" | b"CLP" | b"ISK" | b"UGX" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"KWD" | b"OMR" | b"JOD" | b"TND" | b"IQD" | b"LYD" => 3,
            _ => 2,
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Currency {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::new(text)
    }
}

/// An amount in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// Millionths of the currency's unit.
    pub micros: i64,
    /// Its currency.
    pub currency: Currency,
}

/// `EUR 119,000.00`: rounded to the currency's digits, thousands apart.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.digits();
        let scale = 10i128.pow(digits);
        let minor = divide(i128::from(self.micros) * scale, MICROS);
        let sign = if minor < 0 { "-" } else { "" };
        let (whole, rest) = (minor.abs() / scale, minor.abs() % scale);
        let mut text = whole.to_string();
        for place in (1..text.len()).rev().filter(|p| (text.len() - p) % 3 == 0).collect::<Vec<_>>()
        {
            text.insert(place, ',');
        }
        if digits > 0 {
            text.push_str(&format!(".{rest:0width$}", width = digits as usize));
        }
        f.pad(&format!("{} {sign}{text}", self.currency))
    }
}

/// Value of effort before rounding: Σ credited milliseconds × millionths per hour.
///
/// Kept exact so that 6,000 tickets at EUR 85 are EUR 119,000.00 and not that plus 6,000 roundings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(i128);

impl Exact {
    /// Worth of `credited_ms` at `rate_micros_per_hour`.
    pub fn of(credited_ms: i64, rate_micros_per_hour: i64) -> Self {
        Self(i128::from(credited_ms) * i128::from(rate_micros_per_hour))
    }

    /// Millionths, rounded half away from zero. Call it once, where the number is shown; amounts past
    /// i64 (nine trillion units) are cut there.
    pub fn micros(self) -> i64 {
        let micros = divide(self.0, MS_PER_HOUR);
        i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
    }
}

impl Add for Exact {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Exact {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Exact {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Exact {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sum for Exact {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// Half away from zero, as invoices round.
fn divide(value: i128, by: i128) -> i128 {
    let half = by / 2;
    if value < 0 { (value - half) / by } else { (value + half) / by }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn eur(micros: i64) -> String {
        Money { micros, currency: Currency::EUR }.to_string()
    }

    #[test]
    fn the_seed_month_is_worth_119_000_to_the_cent() {
        let month: Exact = std::iter::repeat_n(Exact::of(14 * 60_000, 85_000_000), 6_000).sum();
        assert_eq!(eur(month.micros()), "EUR 119,000.00");
    }

    #[test]
    fn rounding_every_event_would_be_wrong_already() {
        // EUR 85/h for 14 minutes is 19.8333…; in cents, 6,000 roundings make 20 euros.
        let cents_each = divide(i128::from(Exact::of(840_000, 85_000_000).micros()), 10_000);
        assert_eq!(cents_each * 6_000, 11_898_000);
    }

    #[test]
    fn money_reads_as_people_write_it() {
        assert_eq!(eur(0), "EUR 0.00");
        assert_eq!(eur(12_000), "EUR 0.01");
        assert_eq!(eur(-118_784_000_000), "EUR -118,784.00");
        assert_eq!(eur(999_995_000), "EUR 1,000.00");
        let yen = Money { micros: 1_234_500_000, currency: Currency::new("JPY").unwrap() };
        assert_eq!(yen.to_string(), "JPY 1,235");
    }

    #[test]
    fn a_currency_is_three_upper_case_letters() {
        for bad in ["", "eur", "EURO", "E1R", "€"] {
            assert!(Currency::new(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_order_of_a_sum_does_not_matter(
            mut parts in proptest::collection::vec((-86_400_000i64..86_400_000, 0i64..1_000_000_000), 0..50)
        ) {
            let value = |parts: &[(i64, i64)]| {
                parts.iter().map(|(ms, rate)| Exact::of(*ms, *rate)).sum::<Exact>()
            };
            let forward = value(&parts);
            parts.reverse();
            prop_assert_eq!(forward, value(&parts));
        }

        #[test]
        fn a_negative_amount_rounds_as_its_positive(ms in 0i64..86_400_000, rate in 0i64..1_000_000_000) {
            prop_assert_eq!(Exact::of(-ms, rate).micros(), -Exact::of(ms, rate).micros());
        }
    }
}
