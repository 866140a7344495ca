//! Windows that begin where a calendar says.

use jiff::Zoned;
use jiff::tz::TimeZone;
use kernel::Timestamp;

use crate::domain::AlignedWindow;

/// From 1 January in the zone to the end of the current quarter hour.
pub(super) fn year_to_date(now: Timestamp, zone: &TimeZone) -> Option<AlignedWindow> {
    let first = zoned(now, zone)?.date().first_of_year().to_zoned(zone.clone()).ok()?;
    let start = Timestamp::from_micros(first.timestamp().as_microsecond());
    AlignedWindow::since(start, now)
}

/// Whether the window runs from the first of a month to the first of the next, in the zone.
pub(super) fn is_one_month(window: &AlignedWindow, zone: &TimeZone) -> bool {
    let window = window.window();
    let (Some(start), Some(end)) = (zoned(window.start(), zone), zoned(window.end(), zone)) else {
        return false;
    };
    let first = start.date().first_of_month().to_zoned(zone.clone());
    let next = start.date().last_of_month().tomorrow().and_then(|date| date.to_zoned(zone.clone()));
    first.is_ok_and(|first| first == start) && next.is_ok_and(|next| next == end)
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    jiff::Timestamp::from_microsecond(at.micros()).ok().map(|at| at.to_zoned(zone.clone()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use kernel::Window;

    /// Central European time by its rule, so that the test needs no zone database.
    fn zone() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn window(start: &str, end: &str) -> AlignedWindow {
        let window = Window::new(start.parse().unwrap(), end.parse().unwrap()).unwrap();
        AlignedWindow::new(window).unwrap()
    }

    #[test]
    fn a_month_is_a_month_in_its_zone_across_a_change_of_clocks() {
        let march = window("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z");
        assert!(is_one_month(&march, &zone()));
        assert!(!is_one_month(&march, &TimeZone::UTC));
        let thirty_days = window("2026-02-28T23:00:00Z", "2026-03-30T22:00:00Z");
        assert!(!is_one_month(&thirty_days, &zone()));
    }

    #[test]
    fn the_year_begins_when_it_does_in_the_zone() {
        let now = "2026-07-01T12:07:00Z".parse().unwrap();
        let window = year_to_date(now, &zone()).unwrap().window();
        assert_eq!(window.start().to_string(), "2025-12-31T23:00:00Z");
        assert_eq!(window.end().to_string(), "2026-07-01T12:15:00Z");
        // Ten minutes into the new year there, still the old one in UTC.
        let now = "2025-12-31T23:10:00Z".parse().unwrap();
        let window = year_to_date(now, &zone()).unwrap().window();
        assert_eq!(window.start().to_string(), "2025-12-31T23:00:00Z");
    }
}
