//! Weeks of drawing.

use std::time::Duration;

use kernel::Timestamp;

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;
const WEEK_US: i64 = 7 * DAY_US;
/// 1970 began on a Thursday: the Monday before it.
const A_MONDAY_US: i64 = -3 * DAY_US;
/// How long after its end a week's salt stays secret: what was recorded at its very end has been
/// drawn by then.
const SECRECY: Duration = Duration::from_secs(24 * 60 * 60);

/// An ISO week in UTC, by its first moment.
///
/// Events are placed by when they were *recorded*: an occurred time is the caller's word, and a
/// caller who knew an old week's salt could choose which of its events are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Period(Timestamp);

impl Period {
    /// The week `at` lies in.
    pub(crate) fn of(at: Timestamp) -> Self {
        let weeks = (at.micros() - A_MONDAY_US).div_euclid(WEEK_US);
        Self(Timestamp::from_micros(A_MONDAY_US + weeks * WEEK_US))
    }

    /// Monday, 00:00.
    pub(crate) const fn start(self) -> Timestamp {
        self.0
    }

    /// From when on everybody may know the salt.
    pub(crate) fn salt_public_from(self) -> Timestamp {
        Timestamp::from_micros(self.0.micros() + WEEK_US).plus(SECRECY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_week_begins_on_monday_at_midnight() {
        let of = |text: &str| Period::of(text.parse().unwrap()).start().to_string();
        assert_eq!(of("2026-02-02T00:00:00Z"), "2026-02-02T00:00:00Z");
        assert_eq!(of("2026-02-08T23:59:59.999999Z"), "2026-02-02T00:00:00Z");
        assert_eq!(of("1970-01-01T00:00:00Z"), "1969-12-29T00:00:00Z");
    }

    #[test]
    fn a_salt_is_public_a_day_after_its_week() {
        let week = Period::of("2026-02-04T12:00:00Z".parse().unwrap());
        assert_eq!(week.salt_public_from().to_string(), "2026-02-10T00:00:00Z");
    }

    proptest! {
        #[test]
        fn every_moment_lies_in_its_week_and_weeks_touch(
            at in -4_000_000_000_000_000i64..4_000_000_000_000_000,
        ) {
            let week = Period::of(Timestamp::from_micros(at));
            let start = week.start().micros();
            prop_assert!(start <= at && at < start + WEEK_US);
            prop_assert_eq!(Period::of(week.start()), week);
            prop_assert_ne!(Period::of(Timestamp::from_micros(start - 1)), week);
        }
    }
}
