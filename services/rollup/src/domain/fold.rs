//! Steps become deltas of cells: one per (workspace, grain, level, start, dimensions), whatever the order and
//! however the ledger was cut into batches. A step taken away is a delta with the other sign.
//!
//! Steps are listed, and sorted once for each grain and each level it keeps: a map of cells, of which the
//! full ones hold hardly more than a step each, took half of what folding takes now.

use foldhash::HashMap;
use kernel::{Timestamp, WorkspaceId};

use super::cover::QUARTER;
use super::{
    Content, Dimensions, Effect, Grain, Key, Level, Measures, Spent, Step, TicketCounts, Words,
};

/// Adds steps up.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    folded: Folded,
    /// By the dimensions of a step: where it counts.
    steps: HashMap<Key, [Sets; Grain::ALL.len()]>,
    sets: HashMap<Key, usize>,
    tickets: HashMap<WorkspaceId, HashMap<String, usize>>,
}

/// What a batch adds. Dimension sets and tickets are listed once and named by their index.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    words: Words,
    dimensions: Vec<Key>,
    tickets: Vec<(WorkspaceId, String)>,
    added: Vec<Added>,
}

/// What a batch adds to one cell.
#[derive(Debug, Clone)]
pub(crate) struct CellDelta {
    pub(crate) workspace: WorkspaceId,
    pub(crate) grain: Grain,
    pub(crate) level: Level,
    pub(crate) start: Timestamp,
    /// Index into [`Folded::dimensions`].
    pub(crate) dimensions: usize,
    pub(crate) content: Content,
}

/// The cell of a step, and that of its ticket and of the time it took.
#[derive(Debug, Clone, Copy)]
struct Sets {
    step: usize,
    together: usize,
}

/// A step, by what it names.
#[derive(Debug)]
struct Added {
    workspace: WorkspaceId,
    occurred: Timestamp,
    sets: [Sets; Grain::ALL.len()],
    ticket: Option<usize>,
    events: i64,
    measures: Measures,
    spent: Spent,
}

/// What of a step goes to a cell.
#[derive(Debug, Clone, Copy)]
enum Part {
    All,
    /// Its sums.
    Sums,
    /// Its ticket, and the time it took.
    Together,
}

impl Folder {
    /// Takes a step in once, or as often as `events` says: -1 takes it away.
    pub(crate) fn add(&mut self, step: &Step, events: i64) {
        let sets = self.sets(&step.dimensions);
        let ticket = step.ticket.as_ref().map(|id| self.ticket(step.workspace, id));
        self.folded.added.push(Added {
            workspace: step.workspace,
            occurred: step.occurred,
            sets,
            ticket,
            events,
            measures: step.measures() * events,
            spent: step.spent,
        });
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

    pub(crate) fn finish(self) -> Folded {
        self.folded
    }

    fn sets(&mut self, of: &Dimensions) -> [Sets; Grain::ALL.len()] {
        let words = &mut self.folded.words;
        let of = Key::of(of, words);
        if let Some(&known) = self.steps.get(&of) {
            return known;
        }
        let nothing = Key::of(&Dimensions::nothing(), words);
        let sets = Grain::ALL.map(|grain| Sets {
            step: self.set(grain.keep(of)),
            together: self.set(grain.keep_together(of, nothing)),
        });
        self.steps.insert(of, sets);
        sets
    }

    fn set(&mut self, dimensions: Key) -> usize {
        let list = &mut self.folded.dimensions;
        *self.sets.entry(dimensions).or_insert_with(|| {
            list.push(dimensions);
            list.len() - 1
        })
    }

    fn ticket(&mut self, workspace: WorkspaceId, id: &String) -> usize {
        let known = self.tickets.entry(workspace).or_default();
        if let Some(&known) = known.get(id) {
            return known;
        }
        let list = &mut self.folded.tickets;
        list.push((workspace, id.clone()));
        known.insert(id.clone(), list.len() - 1);
        list.len() - 1
    }
}

impl Folded {
    /// What [`Self::dimensions`] are told in.
    pub(crate) fn words(&self) -> &Words {
        &self.words
    }

    pub(crate) fn dimensions(&self) -> &[Key] {
        &self.dimensions
    }

    pub(crate) fn tickets(&self) -> &[(WorkspaceId, String)] {
        &self.tickets
    }

    /// The cells of the same workspace, grain, level and start in a row. `numbers` are those of the tickets,
    /// in their order.
    pub(crate) fn cells(&self, numbers: &[u32]) -> Vec<CellDelta> {
        let ranks = self.ranks();
        let mut cells = Vec::new();
        let mut parts = Vec::with_capacity(self.added.len());
        for (place, grain) in Grain::ALL.into_iter().enumerate() {
            for &level in grain.levels() {
                parts.clear();
                for (nth, (added, rank)) in self.added.iter().zip(&ranks).enumerate() {
                    let (start, sets) = (level.floor(added.occurred), added.sets[place]);
                    let mut push =
                        |set, part| parts.push(PartOf::new(*rank, start, set, nth, part));
                    if sets.together == sets.step {
                        push(sets.step, Part::All);
                        continue;
                    }
                    push(sets.step, Part::Sums);
                    if added.ticket.is_some() || added.spent.agent_ms.is_some() {
                        push(sets.together, Part::Together);
                    }
                }
                parts.sort_unstable();
                cells.extend(parts.chunk_by(PartOf::same_cell).filter_map(|of_cell| {
                    let first = of_cell.first()?;
                    let added = &self.added[first.nth()];
                    let (workspace, start) = (added.workspace, level.floor(added.occurred));
                    let content = self.content(grain, of_cell, numbers);
                    let dimensions = first.set();
                    Some(CellDelta { workspace, grain, level, start, dimensions, content })
                }));
            }
        }
        cells
    }

    /// Of the workspace of each step, among those there are.
    fn ranks(&self) -> Vec<u32> {
        let mut all: Vec<WorkspaceId> = self.added.iter().map(|added| added.workspace).collect();
        all.dedup();
        all.sort_unstable();
        all.dedup();
        let rank = |added: &Added| all.partition_point(|other| *other < added.workspace) as u32;
        self.added.iter().map(rank).collect()
    }

    fn content(&self, grain: Grain, of_cell: &[PartOf], numbers: &[u32]) -> Content {
        let of = |part| {
            let of_part = of_cell.iter().filter(move |of| of.has(part));
            of_part.map(|of| &self.added[of.nth()])
        };
        let mut content = Content::default();
        for added in of(Part::Sums) {
            content.measures += added.measures;
        }
        let tickets = of(Part::Together);
        let tickets = tickets.filter_map(|added| Some((numbers[added.ticket?], added.events)));
        content.tickets = tickets.collect::<TicketCounts>();
        let spent = of(Part::Together).map(|added| (added.spent, added.events));
        match grain {
            Grain::Full => content.efforts = spent.collect(),
            Grain::Total | Grain::Work => {
                let lengths = spent.filter_map(|(spent, n)| Some((spent.agent_ms?.into(), n)));
                content.durations = lengths.collect();
            }
        }
        content
    }
}

/// What of which step goes to which cell, in one number, which sorts faster than the five apart. From the
/// highest bits on: the rank of the workspace, the quarter hour in which the cell begins, the index of its
/// dimensions, that of the step, and the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PartOf(u128);

impl PartOf {
    fn new(rank: u32, start: Timestamp, set: usize, nth: usize, part: Part) -> Self {
        // It begins with a quarter, and any time there can be is fewer than 2^31 of them from 1970.
        let quarter = (start.micros() / QUARTER) as i32 ^ i32::MIN;
        let cell = u128::from(rank) << 64 | u128::from(quarter as u32) << 32 | set as u128;
        // A batch is far from 2^30 steps.
        Self(cell << 32 | (nth as u128) << 2 | part as u128)
    }

    fn same_cell(a: &Self, b: &Self) -> bool {
        a.0 >> 32 == b.0 >> 32
    }

    fn set(self) -> usize {
        (self.0 >> 32) as u32 as usize
    }

    fn nth(self) -> usize {
        (self.0 as u32 >> 2) as usize
    }

    fn has(self, part: Part) -> bool {
        let its = self.0 & 3;
        its == part as u128 || its == Part::All as u128
    }
}
