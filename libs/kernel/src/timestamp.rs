//! Moments, to the microsecond, UTC: what both databases keep exactly.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::Malformed;

/// Microseconds since 1970 UTC.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// Before every event: effective since ever.
    pub const MIN: Self = Self(-62_135_596_800_000_000);
    /// After every event: 9999-12-30T22:00:00Z, the last moment RFC 3339 and jiff both write.
    pub const MAX: Self = Self(253_402_207_200_000_000);

    /// From microseconds, cut to [`Self::MIN`] and [`Self::MAX`].
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// From seconds and nanoseconds as protobuf has them; digits below a microsecond are cut.
    pub fn from_parts(seconds: i64, nanos: i32) -> Self {
        let micros = seconds.saturating_mul(1_000_000).saturating_add(i64::from(nanos / 1_000));
        Self::from_micros(micros)
    }

    /// Microseconds since 1970 UTC.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds and the nanoseconds behind them, 0 to 999,999,000.
    pub fn parts(self) -> (i64, i32) {
        let nanos = self.0.rem_euclid(1_000_000) * 1_000;
        (self.0.div_euclid(1_000_000), nanos as i32)
    }

    /// Later by `by`.
    pub fn plus(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(by))
    }

    /// Earlier by `by`.
    pub fn minus(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_sub(by))
    }

    /// Time from `earlier` to this; zero when it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at =
            jiff::Timestamp::from_microsecond(self.0).expect("from_micros keeps to jiff's range");
        at.fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.parse::<jiff::Timestamp>()
            .map(|at| Self::from_micros(at.as_microsecond()))
            .map_err(|_| Malformed::new("an RFC 3339 time such as 2026-01-31T09:00:00Z", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ends_can_be_written() {
        assert_eq!(Timestamp::MIN.to_string().parse(), Ok(Timestamp::MIN));
        assert_eq!(Timestamp::MAX.to_string().parse(), Ok(Timestamp::MAX));
        assert_eq!(Timestamp::from_micros(i64::MIN), Timestamp::MIN);
    }

    proptest! {
        #[test]
        fn text_and_parts_lose_nothing(micros in Timestamp::MIN.0..Timestamp::MAX.0) {
            let at = Timestamp::from_micros(micros);
            prop_assert_eq!(at.to_string().parse(), Ok(at));
            let (seconds, nanos) = at.parts();
            prop_assert_eq!(Timestamp::from_parts(seconds, nanos), at);
        }
    }
}
