//! What is asked: the same again and again, or never the same twice.

use std::time::Duration;

use kernel::Timestamp;
use wire::common::v1::Window;
use wire::rollup::v1::{GetOverviewRequest, ReportQuery};

/// How far back the events reach, and with them the questions.
pub(super) const LOOKED_AT: Duration = Duration::from_secs(30 * 86_400);

const QUARTER_HOUR: Duration = Duration::from_secs(900);
const QUARTERS_A_DAY: u64 = 96;

/// What most people ask: the last 30 days, without a word more.
pub(super) fn same() -> GetOverviewRequest {
    GetOverviewRequest::default()
}

/// The nth of questions about 30 days until `now` of which no two are the same; `None` after 9,216.
///
/// The cache keeps finished answers under everything that was asked, the edges of the window included, so
/// none of these is there. Each leaves out less than a day at the beginning, and as the beginnings run
/// out a few quarter hours at the end: there is as much to read for each as for all thirty days.
pub(super) fn new(now: Timestamp, nth: u64) -> Option<GetOverviewRequest> {
    let (later, earlier) = (nth % QUARTERS_A_DAY, nth / QUARTERS_A_DAY);
    if earlier >= QUARTERS_A_DAY {
        return None;
    }
    let quarters = |count: u64| QUARTER_HOUR * count as u32;
    // The quarter hour that runs is over at the end of it, as in a rolling window.
    let micros = i64::try_from(QUARTER_HOUR.as_micros()).unwrap_or(i64::MAX);
    let end = Timestamp::from_micros((now.micros().div_euclid(micros) + 1) * micros);
    let start = end.minus(LOOKED_AT).plus(quarters(later));
    let end = end.minus(quarters(earlier));
    let edge = |at: Timestamp| Some(at.parts().into());
    let window = Some(Window { start_time: edge(start), end_time: edge(end) });
    let query = ReportQuery { window, ..Default::default() };
    Some(GetOverviewRequest { query: Some(query), ..Default::default() })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn edges(nth: u64) -> Option<(i64, i64)> {
        let window = new("2026-03-15T10:20:30Z".parse().unwrap(), nth)?.query?.window?;
        Some((window.start_time?.seconds, window.end_time?.seconds))
    }

    #[test]
    fn the_first_question_is_about_thirty_days_with_the_quarter_hour_that_runs() {
        let (start, end) = edges(0).unwrap();
        let expected: Timestamp = "2026-03-15T10:30:00Z".parse().unwrap();
        assert_eq!(end, expected.parts().0);
        assert_eq!(end - start, 30 * 86_400);
    }

    #[test]
    fn no_question_is_asked_twice_and_all_lie_on_quarter_hours() {
        let all: BTreeSet<(i64, i64)> = (0..9_216).map(|nth| edges(nth).unwrap()).collect();
        assert_eq!(all.len(), 9_216);
        assert!(all.iter().all(|(start, end)| start % 900 == 0 && end % 900 == 0));
        assert!(all.iter().all(|(start, end)| end - start > 28 * 86_400));
        assert_eq!(edges(9_216), None);
    }

    #[test]
    fn the_first_thousand_leave_out_hours_and_not_days() {
        let shortest = (0..1_000).map(|nth| edges(nth).unwrap()).map(|(start, end)| end - start);
        assert!(shortest.min().unwrap() > 28 * 86_400 + 20 * 3_600);
    }
}
