//! Calendar months of UTC, which quotas are counted by: a zone would make one month of two for some.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use kernel::Timestamp;

const DAY_MICROS: i64 = 86_400_000_000;

/// Months since year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Month(i64);

impl Month {
    pub(crate) fn of(at: Timestamp) -> Self {
        let edge = if at.micros() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(edge);
        let date = at.to_zoned(TimeZone::UTC).date();
        Self(i64::from(date.year()) * 12 + i64::from(date.month()) - 1)
    }

    /// The month a day lies in, counted from 1 January 1970.
    pub(crate) fn of_day(day: i64) -> Self {
        Self::of(Timestamp::from_micros(day.saturating_mul(DAY_MICROS)))
    }

    /// The first moment after it.
    pub(crate) fn end(self) -> Timestamp {
        let next = self.0 + 1;
        let year = i16::try_from(next.div_euclid(12)).unwrap_or(i16::MAX);
        let month = i8::try_from(next.rem_euclid(12) + 1).unwrap_or(1);
        let first = Date::new(year, month, 1).and_then(|date| date.to_zoned(TimeZone::UTC));
        first.map_or(Timestamp::MAX, |at| Timestamp::from_micros(at.timestamp().as_microsecond()))
    }

    /// The number a row holds.
    pub(crate) const fn to_row(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_where_the_next_begins() {
        for (at, end) in [
            ("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"),
            ("2026-12-31T23:59:59.999999Z", "2027-01-01T00:00:00Z"),
            ("2028-02-29T12:00:00Z", "2028-03-01T00:00:00Z"),
        ] {
            let at: Timestamp = at.parse().unwrap();
            let end: Timestamp = end.parse().unwrap();
            assert_eq!(Month::of(at).end(), end);
            assert!(Month::of(end) > Month::of(at));
            assert_eq!(Month::of_day(at.micros() / DAY_MICROS), Month::of(at));
        }
    }

    #[test]
    fn the_edges_of_time_are_in_some_month() {
        assert!(Month::of(Timestamp::MIN) < Month::of(Timestamp::MAX));
        let _ = Month::of(Timestamp::MAX).end();
    }
}
