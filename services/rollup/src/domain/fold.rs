//! A batch of steps becomes deltas of cells: one per (workspace, level, start, dimensions), whatever
//! the order and however the ledger was cut into batches.

use std::collections::HashMap;

use kernel::{Timestamp, WorkspaceId};

use crate::domain::{Dimensions, Level, Measures, Step};

/// What a batch adds. Dimension sets and tickets are listed once and named by their index.
#[derive(Debug, Default)]
pub(crate) struct Deltas {
    pub(crate) dimensions: Vec<(WorkspaceId, Dimensions)>,
    pub(crate) tickets: Vec<(WorkspaceId, String)>,
    pub(crate) cells: Vec<CellDelta>,
}

/// What a batch adds to one cell.
#[derive(Debug, Clone)]
pub(crate) struct CellDelta {
    pub(crate) workspace: WorkspaceId,
    pub(crate) level: Level,
    pub(crate) start: Timestamp,
    /// Index into [`Deltas::dimensions`].
    pub(crate) dimensions: usize,
    pub(crate) measures: Measures,
    /// Indexes into [`Deltas::tickets`]; may repeat.
    pub(crate) tickets: Vec<usize>,
}

impl Deltas {
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

/// Adds up the steps.
pub(crate) fn fold(steps: Vec<Step>) -> Deltas {
    let mut deltas = Deltas::default();
    let mut dimensions = HashMap::new();
    let mut tickets = HashMap::new();
    let mut cells = HashMap::new();
    for step in steps {
        let measures = step.measures();
        let Step { workspace, occurred, ticket, dimensions: set, .. } = step;
        let set = index(&mut dimensions, &mut deltas.dimensions, (workspace, set));
        let ticket = ticket.map(|id| index(&mut tickets, &mut deltas.tickets, (workspace, id)));
        for level in Level::ALL {
            let start = level.floor(occurred);
            let place = *cells.entry((level, start, set)).or_insert_with(|| {
                deltas.cells.push(CellDelta {
                    workspace,
                    level,
                    start,
                    dimensions: set,
                    measures: Measures::default(),
                    tickets: Vec::new(),
                });
                deltas.cells.len() - 1
            });
            let cell = &mut deltas.cells[place];
            cell.measures += measures;
            cell.tickets.extend(ticket);
        }
    }
    deltas
}

/// The index of `value` in `list`, added at its end where it is new.
fn index<T: Clone + Eq + std::hash::Hash>(
    known: &mut HashMap<T, usize>,
    list: &mut Vec<T>,
    value: T,
) -> usize {
    if let Some(&place) = known.get(&value) {
        return place;
    }
    list.push(value.clone());
    known.insert(value, list.len() - 1);
    list.len() - 1
}
