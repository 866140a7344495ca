//! Steps become deltas of cells: one per (workspace, grain, level, start, dimensions), whatever the order and
//! however the ledger was cut into batches. A step taken away is a delta with the other sign.

use foldhash::HashMap;
use kernel::{Timestamp, WorkspaceId};

use crate::domain::{Dimensions, Durations, Effect, Efforts, Grain, Level, Measures, Step};

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
    pub(crate) grain: Grain,
    pub(crate) level: Level,
    pub(crate) start: Timestamp,
    /// Index into [`Deltas::dimensions`].
    pub(crate) dimensions: usize,
    pub(crate) measures: Measures,
    pub(crate) durations: Durations,
    pub(crate) efforts: Efforts,
    /// Indexes into [`Deltas::tickets`] and events of each; an index may repeat.
    pub(crate) tickets: Vec<(usize, i64)>,
}

/// Adds steps up.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    deltas: Deltas,
    places: HashMap<WorkspaceId, Places>,
    cells: HashMap<(Grain, Level, Timestamp, usize), usize>,
}

/// Where the sets and tickets of one workspace stand in the lists.
#[derive(Debug, Default)]
struct Places {
    /// By the dimensions of a step: the set of each grain.
    steps: HashMap<Dimensions, [usize; Grain::ALL.len()]>,
    sets: HashMap<(Grain, Dimensions), usize>,
    tickets: HashMap<String, usize>,
}

impl Deltas {
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

impl Folder {
    /// Takes a step in once, or as often as `events` says: -1 takes it away.
    pub(crate) fn add(&mut self, step: &Step, events: i64) {
        let places = self.places.entry(step.workspace).or_default();
        let ticket = step.ticket.as_ref().map(|id| {
            place(&mut places.tickets, id, || {
                self.deltas.tickets.push((step.workspace, id.clone()));
                self.deltas.tickets.len() - 1
            })
        });
        let sets = place(&mut places.steps, &step.dimensions, || {
            Grain::ALL.map(|grain| {
                let kept = grain.keep(&step.dimensions);
                *places.sets.entry((grain, kept)).or_insert_with_key(|(_, kept)| {
                    self.deltas.dimensions.push((step.workspace, kept.clone()));
                    self.deltas.dimensions.len() - 1
                })
            })
        });
        let measures = step.measures() * events;
        for (grain, set) in Grain::ALL.into_iter().zip(sets) {
            for level in Level::ALL {
                let cell = self.cell(step, grain, level, set);
                cell.measures += measures;
                match grain {
                    Grain::Full => cell.efforts.add(step.spent, events),
                    Grain::Total | Grain::Work => {
                        if let Some(ms) = step.spent.agent_ms {
                            cell.durations.add(ms.into(), events);
                        }
                    }
                }
                cell.tickets.extend(ticket.map(|ticket| (ticket, events)));
            }
        }
    }

    fn cell(&mut self, step: &Step, grain: Grain, level: Level, set: usize) -> &mut CellDelta {
        let start = level.floor(step.occurred);
        let cells = &mut self.deltas.cells;
        let at = *self.cells.entry((grain, level, start, set)).or_insert_with(|| {
            cells.push(CellDelta {
                workspace: step.workspace,
                grain,
                level,
                start,
                dimensions: set,
                measures: Measures::default(),
                durations: Durations::default(),
                efforts: Efforts::default(),
                tickets: Vec::new(),
            });
            cells.len() - 1
        });
        &mut cells[at]
    }

    /// Takes away what a corrected step counted as, takes in what it counts as now.
    pub(crate) fn correct(&mut self, effect: &Effect) {
        if let Some(step) = &effect.before {
            self.add(step, -1);
        }
        if let Some(step) = &effect.after {
            self.add(step, 1);
        }
    }

    pub(crate) fn finish(self) -> Deltas {
        self.deltas
    }
}

/// The place of `value`, drawn where it is new.
fn place<T: Clone + Eq + std::hash::Hash, P: Copy>(
    known: &mut HashMap<T, P>,
    value: &T,
    draw: impl FnOnce() -> P,
) -> P {
    if let Some(&place) = known.get(value) {
        return place;
    }
    let place = draw();
    known.insert(value.clone(), place);
    place
}
