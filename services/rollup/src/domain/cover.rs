//! Windows in cells: quarter hours of UTC, and whole UTC days so that a month is not 2,880 reads. Where a
//! grain keeps them, hours between the two, as a month that ends now has a day of quarters at its edges, and
//! weeks.
//!
//! A quarter hour is the longest span every IANA zone's days and hours are made of.

use std::time::Duration;

use kernel::{Timestamp, Window};

use crate::domain::Grain;

/// Microseconds of a quarter hour.
pub(super) const QUARTER: i64 = 15 * 60 * 1_000_000;
const HOUR: i64 = 4 * QUARTER;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// 1970 began on a Thursday: the first Monday in it, from which ISO weeks are counted.
const FIRST_MONDAY: i64 = 4 * DAY;
const QUARTER_HOUR: Duration = Duration::from_micros(QUARTER as u64);

/// Longest window a report takes: ten years and a little.
pub(crate) const WINDOW_DAYS_MAX: i64 = 3_660;

/// How long a cell is: each is made of whole ones of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Level {
    Quarter,
    Hour,
    Day,
    Week,
}

impl Level {
    pub(crate) const ALL: [Self; 4] = [Self::Quarter, Self::Hour, Self::Day, Self::Week];

    /// The number rows hold.
    pub(crate) const fn number(self) -> i16 {
        match self {
            Self::Quarter => 0,
            Self::Day => 1,
            Self::Hour => 2,
            Self::Week => 3,
        }
    }

    /// Start of the cell that `at` falls into.
    pub(crate) fn floor(self, at: Timestamp) -> Timestamp {
        let (first, length) = (self.first(), self.micros());
        Timestamp::from_micros((at.micros() - first).div_euclid(length) * length + first)
    }

    /// The first start of a cell that is not before `at`.
    fn ceil(self, at: Timestamp) -> Timestamp {
        let floor = self.floor(at);
        if floor == at { at } else { Timestamp::from_micros(floor.micros() + self.micros()) }
    }

    /// The whole cells of a window. `None` where it has none.
    fn within(self, window: Window) -> Option<Window> {
        Window::new(self.ceil(window.start()), self.floor(window.end()))
    }

    const fn micros(self) -> i64 {
        match self {
            Self::Quarter => QUARTER,
            Self::Hour => HOUR,
            Self::Day => DAY,
            Self::Week => WEEK,
        }
    }

    /// Where one of its cells begins.
    const fn first(self) -> i64 {
        match self {
            Self::Quarter | Self::Hour | Self::Day => 0,
            Self::Week => FIRST_MONDAY,
        }
    }
}

/// A window whose edges are cell edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AlignedWindow(Window);

/// Why a window is none that cells can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misaligned {
    #[error("{0} is not on a quarter hour of UTC; the nearest are {before} and {after}",
            before = floor(.0), after = ceil(.0))]
    Edge(Timestamp),
    #[error("the window is {0} days long; at most {WINDOW_DAYS_MAX} are answered")]
    TooLong(i64),
}

impl Misaligned {
    /// What is wrong with `at` as the edge of a window.
    pub(crate) fn edge(at: Timestamp) -> Option<Self> {
        (at.micros().rem_euclid(QUARTER) != 0).then_some(Self::Edge(at))
    }
}

impl AlignedWindow {
    /// Refuses edges inside a quarter hour: rounding them would report on another window than asked.
    pub(crate) fn new(window: Window) -> Result<Self, Misaligned> {
        let days = (window.end().micros() - window.start().micros()) / DAY;
        let edge = Misaligned::edge(window.start()).or_else(|| Misaligned::edge(window.end()));
        match edge {
            Some(edge) => Err(edge),
            None if days > WINDOW_DAYS_MAX => Err(Misaligned::TooLong(days)),
            None => Ok(Self(window)),
        }
    }

    /// The last `length`, up to the end of the quarter hour that `now` lies in.
    ///
    /// `length` is cut to whole quarter hours, one at least.
    pub(crate) fn ending(now: Timestamp, length: Duration) -> Self {
        let end = Level::Quarter.floor(now).plus(QUARTER_HOUR);
        let start = Level::Quarter.floor(end.minus(length.max(QUARTER_HOUR)));
        Self(Window::new(start, end).expect("length is at least a quarter hour"))
    }

    /// From `start` to the end of the quarter hour that `now` lies in. `None` where `start` is on no
    /// quarter hour or not before that end.
    pub(crate) fn since(start: Timestamp, now: Timestamp) -> Option<Self> {
        // A moment on an edge begins a quarter hour.
        let end = Level::Quarter.floor(now).plus(QUARTER_HOUR);
        Self::new(Window::new(start, end)?).ok()
    }

    pub(crate) fn window(&self) -> Window {
        self.0
    }

    /// The window of equal length just before.
    pub(crate) fn previous(&self) -> Option<Self> {
        let length = self.0.end().micros() - self.0.start().micros();
        let start = self.0.start().micros().checked_sub(length)?;
        Window::new(Timestamp::from_micros(start), self.0.start()).map(Self)
    }

    pub(crate) fn days(&self) -> f64 {
        (self.0.end().micros() - self.0.start().micros()) as f64 / DAY as f64
    }

    /// The fewest cells of a grain that make up the window, in runs: short ones at the edges, long ones
    /// between.
    pub(crate) fn cover(&self, grain: Grain) -> Vec<Span> {
        self.cover_by(grain.levels())
    }

    /// The same of these levels: quarters first, and each longer than the one before.
    pub(crate) fn cover_by(&self, levels: &[Level]) -> Vec<Span> {
        let mut spans = Vec::new();
        cover(self.0, levels, &mut spans);
        spans
    }
}

/// A run of cells of one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) level: Level,
    /// Starts of the cells lie in here.
    pub(crate) window: Window,
}

/// Adds the runs that make up a window: the longest cells within, the next shorter ones before and after.
fn cover(window: Window, levels: &[Level], spans: &mut Vec<Span>) {
    let [level, longer @ ..] = levels else { return };
    let span = |window| Span { level: *level, window };
    let Some(within) = longer.first().and_then(|next| next.within(window)) else {
        spans.push(span(window));
        return;
    };
    spans.extend(Window::new(window.start(), within.start()).map(span));
    cover(within, longer, spans);
    spans.extend(Window::new(within.end(), window.end()).map(span));
}

fn floor(at: &Timestamp) -> Timestamp {
    Level::Quarter.floor(*at)
}

fn ceil(at: &Timestamp) -> Timestamp {
    Level::Quarter.ceil(*at)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_edge_inside_a_quarter_hour_is_refused_with_its_neighbours() {
        let window = Window::new(at("2026-01-01T09:07:00Z"), at("2026-01-02T00:00:00Z")).unwrap();
        let refusal = AlignedWindow::new(window).unwrap_err().to_string();
        assert!(refusal.contains("2026-01-01T09:00:00Z and 2026-01-01T09:15:00Z"), "{refusal}");
    }

    #[test]
    fn thirty_days_ending_now_are_exactly_thirty_days_and_hold_now() {
        let now = at("2026-11-22T02:15:26Z");
        let window = AlignedWindow::ending(now, Duration::from_secs(30 * 86_400));
        assert!((window.days() - 30.0).abs() < f64::EPSILON);
        assert!(window.window().contains(now));
        assert_eq!(window.window().end(), at("2026-11-22T02:30:00Z"));
    }

    #[test]
    fn a_month_is_read_as_days_with_shorter_cells_at_its_edges() {
        let window = Window::new(at("2026-01-01T09:45:00Z"), at("2026-01-31T09:45:00Z")).unwrap();
        let window = AlignedWindow::new(window).unwrap();
        let [quarter, hour, day, week] = Level::ALL;
        for grain in [Grain::Work, Grain::Full] {
            assert_eq!(cells(&window.cover(grain)), [(quarter, 57), (day, 29), (quarter, 39)]);
        }
        // 2 January 2026 was a Friday.
        let edge = [(quarter, 1), (hour, 14), (day, 3)];
        let other = [(day, 5), (hour, 9), (quarter, 3)];
        let totals = [edge.as_slice(), &[(week, 3)], &other].concat();
        assert_eq!(cells(&window.cover(Grain::Total)), totals);
    }

    #[test]
    fn totals_of_thirty_days_have_at_most_three_quarters_at_each_edge() {
        let midnight = at("2026-01-01T00:00:00Z");
        for quarters in 1..=7 * 96 {
            let now = midnight.plus(QUARTER_HOUR * quarters);
            let window = AlignedWindow::ending(now, Duration::from_secs(30 * 86_400));
            let cover = cells(&window.cover(Grain::Total));
            let of = |level| cover.iter().filter(move |(of, _)| *of == level).map(|(_, n)| *n);
            assert!(of(Level::Quarter).all(|quarters| quarters <= 3), "{now}: {cover:?}");
            let all: i64 = cover.iter().map(|(_, n)| n).sum();
            // Three weeks and eight days, 23 hours and four quarters.
            assert!(all <= 3 + 8 + 23 + 4, "{now}: {cover:?}");
        }
    }

    #[test]
    fn weeks_begin_on_mondays() {
        let monday = at("2026-11-23T00:00:00Z");
        assert_eq!(Level::Week.floor(monday), monday);
        assert_eq!(Level::Week.floor(at("2026-11-29T23:59:59Z")), monday);
        assert_eq!(Level::Week.floor(at("1969-12-31T00:00:00Z")), at("1969-12-29T00:00:00Z"));
        for level in Level::ALL {
            assert_eq!(level.floor(Timestamp::MIN), Timestamp::MIN, "no cell begins before it");
        }
    }

    /// How many cells of which level follow one another.
    fn cells(cover: &[Span]) -> Vec<(Level, i64)> {
        let length = |window: Window| window.end().micros() - window.start().micros();
        cover.iter().map(|span| (span.level, length(span.window) / span.level.micros())).collect()
    }

    proptest! {
        #[test]
        fn a_cover_holds_every_moment_of_the_window_once(
            start in -500_000i64..500_000,
            quarters in 1i64..2_000,
        ) {
            let edge = |n: i64| Timestamp::from_micros(n * QUARTER);
            let window = Window::new(edge(start), edge(start + quarters)).unwrap();
            for grain in Grain::ALL {
                let mut next = window.start();
                for span in AlignedWindow::new(window).unwrap().cover(grain) {
                    prop_assert_eq!(span.window.start(), next);
                    prop_assert_eq!(span.level.floor(span.window.start()), span.window.start());
                    prop_assert_eq!(span.level.floor(span.window.end()), span.window.end());
                    prop_assert!(grain.levels().contains(&span.level));
                    // Nor is anything read in parts that lies in a longer cell as a whole.
                    let longer = grain.levels().iter().filter(|level| **level > span.level);
                    for level in longer {
                        prop_assert_eq!(level.within(span.window), None);
                    }
                    next = span.window.end();
                }
                prop_assert_eq!(next, window.end());
            }
        }
    }
}
