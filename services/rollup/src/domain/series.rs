//! Cells become lines along time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::domain::{Cell, Dimension, Query, Tally};

/// Lines a report has at most.
pub(crate) const SERIES_MAX: usize = 20;
/// Buckets a line has at most.
pub(crate) const BUCKETS_MAX: usize = 3_000;

/// Measures along time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// The largest lines, by events; equal ones by key.
    pub(crate) lines: Vec<Line>,
    /// The whole, lines left out included.
    pub(crate) total: Tally,
}

/// One line: a value for each dimension asked for, and a tally for each bucket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) key: Vec<String>,
    pub(crate) points: Vec<Tally>,
}

/// Lines by `by` over `buckets` buckets, of cells with the number of their bucket. Without dimensions there
/// is one line, whether or not anything happened.
pub(crate) fn series(
    query: &Query,
    by: &[Dimension],
    buckets: usize,
    cells: &[(usize, Cell)],
) -> Series {
    let mut lines: BTreeMap<Vec<&str>, BTreeMap<usize, Tally>> = BTreeMap::new();
    let mut total = Tally::default();
    for (bucket, cell) in cells.iter().filter(|(_, cell)| query.passes(&cell.dimensions)) {
        let key = by.iter().map(|&dimension| cell.dimensions.value(dimension)).collect();
        let line = lines.entry(key).or_default();
        line.entry(*bucket).or_default().add(cell, query.policy);
        total.add(cell, query.policy);
    }
    if by.is_empty() {
        lines.entry(Vec::new()).or_default();
    }
    let mut lines: Vec<_> = lines.into_iter().collect();
    // The sort is stable and the map was in key order.
    lines.sort_by_key(|(_, points)| Reverse(points.values().map(Tally::events).sum::<i64>()));
    lines.truncate(SERIES_MAX);
    let lines = lines.into_iter().map(|(key, mut points)| Line {
        key: key.into_iter().map(str::to_owned).collect(),
        points: (0..buckets).map(|at| points.remove(&at).unwrap_or_default()).collect(),
    });
    Series { lines: lines.collect(), total }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::{START, fold, query, step};
    use crate::domain::{Grain, Recount, Step};
    use kernel::{Outcome, SavingsPolicy};

    fn cells(steps: &[Step]) -> Vec<(usize, Cell)> {
        let query = query(SavingsPolicy::Credited);
        let mut recount = Recount::new(query.workspace, query.window);
        recount.apply(&fold(steps));
        recount.read(Grain::Full, &query.window).into_iter().map(|cell| (1, cell)).collect()
    }

    #[test]
    fn nothing_at_all_is_one_line_of_empty_buckets() {
        let series = series(&query(SavingsPolicy::Credited), &[], 3, &[]);
        assert_eq!(series.lines.len(), 1);
        assert_eq!(series.lines[0].points, vec![Tally::default(); 3]);
    }

    #[test]
    fn only_the_twenty_largest_lines_are_shown_and_the_total_knows_all() {
        let steps: Vec<Step> = (0..30)
            .flat_map(|n| {
                let one = step(&format!("type_{n:02}"), 1, Outcome::Success, START);
                vec![one; n + 1]
            })
            .collect();
        let query = query(SavingsPolicy::Credited);
        let series = series(&query, &[Dimension::TaskType], 2, &cells(&steps));
        let keys: Vec<_> = series.lines.iter().map(|line| line.key[0].as_str()).collect();
        assert_eq!((keys.len(), keys[0], keys[19]), (SERIES_MAX, "type_29", "type_10"));
        assert_eq!(series.lines[0].points.iter().map(Tally::events).collect::<Vec<_>>(), [0, 30]);
        assert_eq!(series.total.events(), steps.len() as i64);
    }
}
