//! Cells become reports.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::{Dimension, Dimensions, Durations, Efforts, Measures, Query, Tally, TicketSet};

/// One cell, or the sum of several with the same dimensions.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) dimensions: Arc<Dimensions>,
    pub(crate) measures: Measures,
    pub(crate) tickets: TicketSet,
    pub(crate) durations: Durations,
    /// Of full cells.
    pub(crate) efforts: Efforts,
}

impl Cell {
    /// Whether everything in it was taken back.
    pub(crate) fn is_empty(&self) -> bool {
        self.measures == Measures::default()
            && self.tickets.is_empty()
            && self.durations.is_empty()
            && self.efforts.is_empty()
    }
}

/// Savings by dimensions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Savings {
    pub(crate) rows: Vec<Segment>,
    pub(crate) rest: Option<Rest>,
    /// Not the sum of the rows where tickets are concerned: segments may share them.
    pub(crate) total: Tally,
}

/// One row: a value for each dimension asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    pub(crate) key: Vec<String>,
    pub(crate) tally: Tally,
}

/// The rows beyond the limit as one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rest {
    pub(crate) rows: usize,
    pub(crate) tally: Tally,
}

/// Order of the rows; equal ones follow their key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    TimeSaved,
    Events,
    Key,
}

/// The whole window in one tally.
pub(crate) fn overview(query: &Query, cells: &[Cell]) -> Tally {
    let mut total = Tally::default();
    for cell in cells.iter().filter(|cell| query.passes(&cell.dimensions)) {
        total.add(cell, query.policy);
    }
    total
}

/// Segments by `by`, the first `limit` of them apart.
pub(crate) fn savings(
    query: &Query,
    by: &[Dimension],
    order: Order,
    limit: usize,
    cells: &[Cell],
) -> Savings {
    let mut segments: BTreeMap<Vec<&str>, Tally> = BTreeMap::new();
    let mut total = Tally::default();
    for cell in cells.iter().filter(|cell| query.passes(&cell.dimensions)) {
        let key = by.iter().map(|&dimension| cell.dimensions.value(dimension)).collect();
        segments.entry(key).or_default().add(cell, query.policy);
        total.add(cell, query.policy);
    }
    let mut rows: Vec<Segment> = segments
        .into_iter()
        .map(|(key, tally)| Segment { key: key.into_iter().map(str::to_owned).collect(), tally })
        .collect();
    // The sort is stable and the map was in key order.
    match order {
        Order::TimeSaved => rows.sort_by_key(|row| Reverse(row.tally.saved_ms())),
        Order::Events => rows.sort_by_key(|row| Reverse(row.tally.events())),
        Order::Key => {}
    }
    let beyond = rows.split_off(limit.min(rows.len()));
    let rest = (!beyond.is_empty()).then(|| {
        let mut tally = Tally::default();
        for segment in &beyond {
            tally.merge(&segment.tally);
        }
        Rest { rows: beyond.len(), tally }
    });
    Savings { rows, rest, total }
}
