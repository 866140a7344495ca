//! Cells in memory, counted from the ledger alone: what a store must hold, for whoever checks it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kernel::{Timestamp, WorkspaceId};

use crate::domain::{
    AlignedWindow, Cell, Content, Corrected, Dimensions, Fact, Folded, Folder, Grain, Level,
    TicketCounts,
};

/// A recount of one workspace.
#[derive(Debug)]
pub(crate) struct Recount {
    workspace: WorkspaceId,
    /// Only cells that begin in here are kept.
    window: AlignedWindow,
    numbers: HashMap<String, u32>,
    corrected: HashMap<i64, Corrected>,
    cells: BTreeMap<(Grain, Level, Timestamp, Dimensions), Content>,
}

/// A cell as it is held, at its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Held {
    pub(crate) grain: Grain,
    pub(crate) level: Level,
    pub(crate) start: Timestamp,
    pub(crate) dimensions: Arc<Dimensions>,
    pub(crate) content: Content,
}

impl Held {
    /// As reports add it up.
    pub(crate) fn cell(&self) -> Cell {
        Cell {
            dimensions: Arc::clone(&self.dimensions),
            measures: self.content.measures,
            tickets: self.content.tickets.seen(),
            durations: self.content.durations(),
            efforts: self.content.efforts.clone(),
        }
    }
}

impl Recount {
    pub(crate) fn new(workspace: WorkspaceId, window: AlignedWindow) -> Self {
        let (numbers, corrected) = (HashMap::new(), HashMap::new());
        Self { workspace, window, numbers, corrected, cells: BTreeMap::new() }
    }

    /// Takes in what entries of the ledger say; other workspaces' are passed over.
    pub(crate) fn take(&mut self, facts: Vec<Fact>) {
        let mut folder = Folder::default();
        for fact in facts {
            match fact {
                Fact::Step(step) if step.workspace == self.workspace => folder.add(&step, 1),
                Fact::Correction(correction) if correction.workspace == self.workspace => {
                    let corrected = self.corrected.entry(correction.step).or_default();
                    if let Some(effect) = corrected.learn(correction) {
                        folder.correct(&effect);
                    }
                }
                Fact::Step(_) | Fact::Correction(_) => {}
            }
        }
        self.apply(&folder.finish());
    }

    pub(crate) fn apply(&mut self, folded: &Folded) {
        let numbers: Vec<u32> = folded.tickets().iter().map(|(_, id)| self.number(id)).collect();
        for cell in folded.cells(&numbers) {
            if !self.window.window().contains(cell.start) || cell.workspace != self.workspace {
                continue;
            }
            let set = folded.dimensions()[cell.dimensions].dimensions(folded.words());
            let place = (cell.grain, cell.level, cell.start, set.expect("it was made of some"));
            self.cells.entry(place).or_default().merge(&cell.content);
        }
    }

    fn number(&mut self, ticket: &String) -> u32 {
        if let Some(&known) = self.numbers.get(ticket) {
            return known;
        }
        let next = self.numbers.len() as u32;
        self.numbers.insert(ticket.clone(), next);
        next
    }

    /// The tickets seen, in the order of the numbers they have here.
    pub(crate) fn tickets(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.numbers.iter().collect();
        ids.sort_unstable_by_key(|(_, number)| **number);
        ids.into_iter().map(|(id, _)| id.clone()).collect()
    }

    /// The cells, each ticket under the number that `numbers` gives it in the order of [`Self::tickets`].
    pub(crate) fn held(&self, numbers: &[u32]) -> Vec<Held> {
        let cells = self.cells.iter().filter(|(_, content)| !content.is_empty());
        cells
            .map(|((grain, level, start, dimensions), content)| {
                let mut tickets = TicketCounts::default();
                for (ticket, events) in content.tickets.iter() {
                    let number = numbers.get(ticket as usize).copied().unwrap_or(u32::MAX);
                    tickets.add(number, events);
                }
                let content = Content { tickets, ..content.clone() };
                let dimensions = Arc::new(dimensions.clone());
                Held { grain: *grain, level: *level, start: *start, dimensions, content }
            })
            .collect()
    }

    /// The cells of a grain that make up a window within the one recounted.
    #[cfg(any(test, feature = "testkit"))]
    pub(crate) fn read(&self, grain: Grain, window: &AlignedWindow) -> Vec<Cell> {
        let numbers: Vec<u32> = (0..self.numbers.len() as u32).collect();
        let cover = window.cover(grain);
        let covered = |held: &Held| {
            held.grain == grain
                && cover
                    .iter()
                    .any(|run| run.level == held.level && run.window.contains(held.start))
        };
        self.held(&numbers).into_iter().filter(covered).map(|held| held.cell()).collect()
    }
}
