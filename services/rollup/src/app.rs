//! The use cases: wait for a position, read cells, assemble a report.

use std::sync::Arc;
use std::time::Duration;

use fault::{ErrorReason, Fault};
use hot::Need;
use kernel::{Position, WorkspaceId};
use tail::Progress;

use crate::domain::{
    self, AlignedWindow, Cell, Change, Dimension, Grain, Order, Query, Savings, Series, Tally,
};
use crate::shown::Shown;
use crate::store::{Reading, Store};

/// How long a call without a deadline waits for its position.
const PATIENCE: Duration = Duration::from_secs(10);

/// What of a deadline is left for reading, so that a wait in vain still ends with its reason.
const READING: Duration = Duration::from_millis(50);

/// Reports over a store.
pub(crate) struct App {
    store: Arc<dyn Store>,
    progress: Progress,
    /// Another replica may have consumed further than this one knows, and a reader that has seen that
    /// must not be shown less the next time.
    shown: Shown,
}

/// A report and the position it reflects.
pub(crate) struct Stated<T> {
    pub(crate) as_of: Position,
    pub(crate) report: T,
}

/// The front page.
pub(crate) struct Overview {
    pub(crate) tally: Tally,
    pub(crate) previous: Option<(Tally, Change)>,
}

/// Whether the window before is looked at too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Previous,
    Nothing,
}

/// How a savings report is split.
#[derive(Debug, Clone)]
pub(crate) struct Split {
    pub(crate) by: Vec<Dimension>,
    pub(crate) order: Order,
    pub(crate) limit: usize,
}

impl App {
    pub(crate) fn new(store: Arc<dyn Store>, progress: Progress) -> Self {
        Self { store, progress, shown: Shown::default() }
    }

    /// Which positions an answer may reflect: what was asked for, and never less than this reader has
    /// seen. Waits until the position asked for is reflected, within what the caller still grants.
    pub(crate) async fn need(
        &self,
        workspace: WorkspaceId,
        at_least: Option<Position>,
        granted: Option<Duration>,
    ) -> Result<Need, Fault> {
        let partition = workspace.partition();
        if let Some(wanted) = at_least {
            let patience = granted.map_or(PATIENCE, |granted| granted.saturating_sub(READING));
            if !self.progress.reaches(wanted, patience).await {
                let seq = self.progress.applied(partition);
                let message = "the ledger is not consumed up to at_least yet; call again with a \
                               later deadline";
                return Err(Fault::deadline(ErrorReason::NotYetConsumed, message)
                    .with("at_least", wanted)
                    .with("as_of", Position { partition, seq }));
            }
        }
        let asked = at_least.map_or(0, |wanted| wanted.seq);
        let applied = self.progress.applied(partition);
        Ok(Need {
            at_least: self.shown.to(workspace).max(asked),
            // Nothing applied is nothing known, just after a start: what lies in the cache may be old.
            newest: (applied > 0).then_some(applied),
        })
    }

    /// From now on nothing older is answered.
    pub(crate) fn answered(&self, workspace: WorkspaceId, as_of: Position) {
        self.shown.raise(workspace, as_of);
    }

    /// How far this replica reflects the ledger of a workspace, and whether that changes.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    pub(crate) async fn overview(
        &self,
        query: &Query,
        compare: Compare,
    ) -> Result<Stated<Overview>, Fault> {
        let before = match compare {
            Compare::Previous => query.window.previous(),
            Compare::Nothing => None,
        };
        let windows: Vec<_> = std::iter::once(query.window).chain(before).collect();
        let reading = self.read(query, &[], &windows).await?;
        let (now, earlier): (Vec<_>, Vec<_>) =
            reading.cells.into_iter().partition(|(window, _)| *window == 0);
        let tally = domain::overview(query, &cells(now));
        let previous = before.map(|_| {
            let before = domain::overview(query, &cells(earlier));
            let change = Change::between(&tally, &before);
            (before, change)
        });
        Ok(Stated { as_of: reading.as_of, report: Overview { tally, previous } })
    }

    pub(crate) async fn savings(
        &self,
        query: &Query,
        split: &Split,
    ) -> Result<Stated<Savings>, Fault> {
        let reading = self.read(query, &split.by, &[query.window]).await?;
        let cells = cells(reading.cells);
        let report = domain::savings(query, &split.by, split.order, split.limit, &cells);
        Ok(Stated { as_of: reading.as_of, report })
    }

    pub(crate) async fn series(
        &self,
        query: &Query,
        by: &[Dimension],
        windows: &[AlignedWindow],
    ) -> Result<Stated<Series>, Fault> {
        let reading = self.read(query, by, windows).await?;
        let report = domain::series(query, by, windows.len(), &reading.cells);
        Ok(Stated { as_of: reading.as_of, report })
    }

    /// The coarsest cells that answer it.
    async fn read(
        &self,
        query: &Query,
        by: &[Dimension],
        windows: &[AlignedWindow],
    ) -> Result<Reading<(usize, Cell)>, Fault> {
        let grain = Grain::telling(query.named().chain(by.iter().copied()));
        self.store.windows(query.workspace, grain, windows).await.map_err(unread)
    }
}

/// Cells of one window.
fn cells(numbered: Vec<(usize, Cell)>) -> Vec<Cell> {
    numbered.into_iter().map(|(_, cell)| cell).collect()
}

pub(crate) fn unread(error: db::Error) -> Fault {
    match error {
        db::Error::Unavailable(_) | db::Error::Unknown(_) => {
            Fault::storage_unavailable().because(error)
        }
        db::Error::Conflict(_) | db::Error::Corrupt { .. } | db::Error::Other(_) => {
            Fault::internal("the report could not be read").because(error)
        }
    }
}
