//! A window cut where a calendar says: hours, days, weeks, months and quarters of a zone.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};
use kernel::{Timestamp, Window};

use crate::domain::AlignedWindow;
use crate::domain::series::BUCKETS_MAX;

const HOUR: i64 = 3_600_000_000;

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Granularity {
    Hour,
    Day,
    /// From Monday.
    Week,
    Month,
    /// Three months, counted from this month of the year, 1 to 12.
    Quarter(i8),
}

/// A part of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) window: AlignedWindow,
    /// The window begins or ends inside of it.
    pub(crate) cut: bool,
}

/// Why a window is not cut like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Uncut {
    #[error("more than {BUCKETS_MAX} buckets; ask for longer ones, or for a shorter window")]
    TooMany,
    #[error("in this zone a bucket begins at {0}, which is on no quarter hour of UTC")]
    Unaligned(Timestamp),
    #[error("the calendar of this zone does not reach that far")]
    OffCalendar,
}

impl From<jiff::Error> for Uncut {
    fn from(_: jiff::Error) -> Self {
        Self::OffCalendar
    }
}

/// The buckets of a window, oldest first; together they are the window.
pub(crate) fn buckets(
    window: &AlignedWindow,
    by: Granularity,
    zone: &TimeZone,
) -> Result<Vec<Bucket>, Uncut> {
    let whole = window.window();
    let mut edges = Edges::before(whole.start(), by, zone)?;
    let mut buckets = Vec::new();
    let mut edge = edges.at()?;
    while edge < whole.end() {
        edges.step()?;
        let next = edges.at()?;
        // A zone that moved across the date line has a day that never was.
        if let Some(bucket) = Window::new(edge.max(whole.start()), next.min(whole.end())) {
            if buckets.len() == BUCKETS_MAX {
                return Err(Uncut::TooMany);
            }
            let window = AlignedWindow::new(bucket).map_err(|_| Uncut::Unaligned(next))?;
            buckets.push(Bucket { window, cut: edge < whole.start() || next > whole.end() });
        }
        edge = next;
    }
    Ok(buckets)
}

/// The moments at which one bucket ends and the next begins.
struct Edges<'z> {
    zone: &'z TimeZone,
    by: Granularity,
    place: Place,
}

/// Hours are counted by moments, all else by dates.
enum Place {
    Moment(Timestamp),
    Date(Date),
}

impl<'z> Edges<'z> {
    /// Stands at the last edge that is not behind `at`.
    fn before(at: Timestamp, by: Granularity, zone: &'z TimeZone) -> Result<Self, Uncut> {
        let date = zoned(at, zone)?.date();
        let first_of = |months: i8| -> Result<Date, Uncut> {
            Ok(date.first_of_month().checked_sub(Span::new().months(months))?)
        };
        let place = match by {
            Granularity::Hour => Place::Moment(earlier(at, past_the_hour(at, zone)?)),
            Granularity::Day => Place::Date(date),
            Granularity::Week => {
                let since_monday = date.weekday().to_monday_zero_offset();
                Place::Date(date.checked_sub(Span::new().days(since_monday))?)
            }
            Granularity::Month => Place::Date(first_of(0)?),
            Granularity::Quarter(start) => {
                Place::Date(first_of((date.month() - start).rem_euclid(12) % 3)?)
            }
        };
        Ok(Self { zone, by, place })
    }

    fn at(&self) -> Result<Timestamp, Uncut> {
        match self.place {
            Place::Moment(at) => Ok(at),
            // Midnight, or the first moment of a day that has none.
            Place::Date(date) => {
                let start = date.to_zoned(self.zone.clone())?.start_of_day()?;
                Ok(Timestamp::from_micros(start.timestamp().as_microsecond()))
            }
        }
    }

    fn step(&mut self) -> Result<(), Uncut> {
        self.place = match (&self.place, self.by) {
            (Place::Moment(at), _) => {
                Place::Moment(earlier(*at, past_the_hour(*at, self.zone)? - HOUR))
            }
            (Place::Date(date), by) => {
                let length = match by {
                    Granularity::Hour | Granularity::Day => Span::new().days(1),
                    Granularity::Week => Span::new().days(7),
                    Granularity::Month => Span::new().months(1),
                    Granularity::Quarter(_) => Span::new().months(3),
                };
                Place::Date(date.checked_add(length)?)
            }
        };
        Ok(())
    }
}

/// Microseconds since the hour began, by the clocks of the zone at that moment: where they are changed by
/// half an hour, the hours around it have 30 or 90 minutes.
fn past_the_hour(at: Timestamp, zone: &TimeZone) -> Result<i64, Uncut> {
    let moment = jiff::Timestamp::from_microsecond(at.micros())?;
    let offset = i64::from(zone.to_offset(moment).seconds());
    Ok((at.micros() + offset * 1_000_000).rem_euclid(HOUR))
}

fn earlier(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.micros() - micros)
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Result<Zoned, Uncut> {
    Ok(jiff::Timestamp::from_microsecond(at.micros())?.to_zoned(zone.clone()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::samples::{fold, query, step, workspace};
    use crate::domain::{Grain, Recount, Step, Tally, overview};
    use kernel::{Outcome, SavingsPolicy};

    /// Half and three-quarter hours, changes of half an hour, at midnight, none at all, both hemispheres.
    const ZONES: [&str; 20] = [
        "UTC",
        "Europe/Amsterdam",
        "Europe/London",
        "Europe/Lisbon",
        "America/New_York",
        "America/Los_Angeles",
        "America/St_Johns",
        "America/Havana",
        "America/Santiago",
        "America/Caracas",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Asia/Tehran",
        "Asia/Tokyo",
        "Asia/Beirut",
        "Australia/Adelaide",
        "Australia/Eucla",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Africa/Casablanca",
    ];

    fn window(start: &str, end: &str) -> AlignedWindow {
        AlignedWindow::new(Window::new(start.parse().unwrap(), end.parse().unwrap()).unwrap())
            .unwrap()
    }

    fn cut(start: &str, end: &str, by: Granularity, zone: &str) -> Vec<Bucket> {
        buckets(&window(start, end), by, &TimeZone::get(zone).unwrap()).unwrap()
    }

    fn hours(bucket: &Bucket) -> i64 {
        let window = bucket.window.window();
        (window.end().micros() - window.start().micros()) / HOUR
    }

    #[test]
    fn the_seven_days_of_a_week_with_a_change_of_clocks_add_up_to_the_week() {
        for name in ZONES {
            let zone = TimeZone::get(name).unwrap();
            let year = window("2025-12-20T00:00:00Z", "2027-01-10T00:00:00Z");
            let weeks = buckets(&year, Granularity::Week, &zone).unwrap();
            let weeks: Vec<_> = weeks.into_iter().filter(|week| !week.cut).collect();
            let mut odd: Vec<_> = weeks.iter().filter(|week| hours(week) != 168).collect();
            odd.extend(weeks.first());
            for week in odd {
                let start = week.window.window().start().micros();
                let end = week.window.window().end().micros();
                let steps: Vec<Step> = (start - HOUR..end + HOUR)
                    .step_by(HOUR as usize / 3)
                    .map(|at| {
                        let mut step = step("ticket_routing", 2, Outcome::Success, at);
                        step.ticket = Some(format!("T-{}", (at / HOUR) % 50));
                        step
                    })
                    .collect();
                let mut counted = Recount::new(workspace(), year);
                counted.apply(&fold(&steps));
                let query = query(SavingsPolicy::Credited);
                let tally =
                    |window: &AlignedWindow| overview(&query, &counted.read(Grain::Total, window));
                let days = buckets(&week.window, Granularity::Day, &zone).unwrap();
                assert_eq!(days.len(), 7, "{name}");
                let mut sum = Tally::default();
                for day in &days {
                    sum.merge(&tally(&day.window));
                }
                let whole = tally(&week.window);
                assert_eq!(sum, whole, "{name}");
                let inside =
                    steps.iter().filter(|step| week.window.window().contains(step.occurred));
                assert_eq!(whole.events(), inside.count() as i64, "{name}");
                let hours = buckets(&week.window, Granularity::Hour, &zone).unwrap();
                let mut sum = Tally::default();
                for hour in &hours {
                    sum.merge(&tally(&hour.window));
                }
                assert_eq!(sum, whole, "{name} by hours");
            }
        }
    }

    #[test]
    fn buckets_are_the_window_without_gaps() {
        let year = window("2026-01-07T05:45:00Z", "2026-12-19T13:15:00Z");
        for name in ZONES {
            let zone = TimeZone::get(name).unwrap();
            for by in [
                Granularity::Day,
                Granularity::Week,
                Granularity::Month,
                Granularity::Quarter(1),
                Granularity::Quarter(2),
            ] {
                let mut next = year.window().start();
                for bucket in buckets(&year, by, &zone).unwrap() {
                    assert_eq!(bucket.window.window().start(), next, "{name} {by:?}");
                    next = bucket.window.window().end();
                }
                assert_eq!(next, year.window().end(), "{name} {by:?}");
            }
        }
    }

    #[test]
    fn days_of_a_change_have_23_and_25_hours() {
        let spring = cut(
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
            Granularity::Day,
            "Europe/Amsterdam",
        );
        assert_eq!((spring.len(), hours(&spring[0]), spring[0].cut), (1, 23, false));
        let autumn = cut(
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
            Granularity::Day,
            "Europe/Amsterdam",
        );
        assert_eq!((autumn.len(), hours(&autumn[0]), autumn[0].cut), (1, 25, false));
    }

    #[test]
    fn a_window_across_buckets_cuts_its_first_and_last() {
        let days = cut("2026-01-01T06:00:00Z", "2026-01-03T06:00:00Z", Granularity::Day, "UTC");
        assert_eq!(days.iter().map(|day| day.cut).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn a_fiscal_quarter_begins_with_its_month() {
        let start = |buckets: &[Bucket]| -> Vec<String> {
            buckets.iter().map(|b| b.window.window().start().to_string()[..10].to_owned()).collect()
        };
        let year = ("2026-02-01T00:00:00Z", "2027-02-01T00:00:00Z");
        let fiscal = cut(year.0, year.1, Granularity::Quarter(2), "UTC");
        assert_eq!(start(&fiscal), ["2026-02-01", "2026-05-01", "2026-08-01", "2026-11-01"]);
        let calendar = cut(year.0, year.1, Granularity::Quarter(1), "UTC");
        assert_eq!(start(&calendar)[..2], ["2026-02-01", "2026-04-01"]);
        assert!(calendar[0].cut);
    }

    #[test]
    fn a_day_that_never_was_is_no_bucket() {
        // Samoa went from 29 to 31 December 2011.
        let days =
            cut("2011-12-28T10:00:00Z", "2012-01-01T10:00:00Z", Granularity::Day, "Pacific/Apia");
        assert_eq!(days.iter().map(hours).collect::<Vec<_>>(), [24, 24, 24, 24]);
    }

    #[test]
    fn too_many_buckets_and_crooked_zones_are_refused() {
        let year = window("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
        assert_eq!(buckets(&year, Granularity::Hour, &TimeZone::UTC), Err(Uncut::TooMany));
        let old = window("1971-01-01T00:00:00Z", "1971-02-01T00:00:00Z");
        // Liberia was 44 minutes and 30 seconds behind until 1972.
        let zone = TimeZone::get("Africa/Monrovia").unwrap();
        let refused = buckets(&old, Granularity::Day, &zone);
        assert!(matches!(refused, Err(Uncut::Unaligned(_))), "{refused:?}");
    }
}
