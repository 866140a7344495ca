//! The use cases: wait for a position, read cells, assemble a report.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fault::{ErrorReason, Fault};
use hot::Need;
use kernel::{Position, WorkspaceId};
use tail::Progress;

use crate::domain::{
    self, AlignedWindow, Cell, Change, Difference, Differences, Dimension, Grain, Order, Query,
    Savings, Series, Tally, Today, Work,
};
use crate::shown::Shown;
use crate::store::Store;

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
    pub(crate) restated: Option<Restated>,
}

/// What became of a report that was recomputed.
pub(crate) struct Restated {
    pub(crate) differences: Vec<Difference>,
    /// Of the versions it was recomputed with.
    pub(crate) stamp: Stamp,
}

/// Which versions hold today, as one name: equal ones have the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp(pub(crate) String);

/// Who knows which versions hold today.
#[async_trait]
pub(crate) trait Versions: Send + Sync {
    /// Of all that was looked up so far, as reports of now are recomputed with them.
    ///
    /// # Errors
    /// When it is not known, and never was.
    async fn stamp(&self, workspace: WorkspaceId) -> Result<Stamp, Fault>;

    /// With what `works` need, each given with the version of its baseline that was recorded.
    ///
    /// # Errors
    /// As [`Versions::stamp`].
    async fn today(
        &self,
        workspace: WorkspaceId,
        works: &BTreeSet<(Work, String)>,
    ) -> Result<(Arc<Today>, Stamp), Fault>;
}

/// Where a report's values are from: as recorded, or from these versions.
pub(crate) type View<'v> = Option<&'v dyn Versions>;

/// The cells of some windows, each with the number of its window.
struct Numbered {
    as_of: Position,
    cells: Vec<(usize, Cell)>,
    restated: Option<Restated>,
}

/// Whose differences are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    First,
    All,
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
        view: View<'_>,
    ) -> Result<Stated<Overview>, Fault> {
        let before = match compare {
            Compare::Previous => query.window.previous(),
            Compare::Nothing => None,
        };
        let windows: Vec<_> = std::iter::once(query.window).chain(before).collect();
        let reading = self.read(query, &[], &windows, view, Told::First).await?;
        let (now, earlier): (Vec<_>, Vec<_>) =
            reading.cells.into_iter().partition(|(window, _)| *window == 0);
        let tally = domain::overview(query, &cells(now));
        let previous = before.map(|_| {
            let before = domain::overview(query, &cells(earlier));
            let change = Change::between(&tally, &before);
            (before, change)
        });
        let report = Overview { tally, previous };
        Ok(Stated { as_of: reading.as_of, report, restated: reading.restated })
    }

    pub(crate) async fn savings(
        &self,
        query: &Query,
        split: &Split,
        view: View<'_>,
    ) -> Result<Stated<Savings>, Fault> {
        let reading = self.read(query, &split.by, &[query.window], view, Told::All).await?;
        let cells = cells(reading.cells);
        let report = domain::savings(query, &split.by, split.order, split.limit, &cells);
        Ok(Stated { as_of: reading.as_of, report, restated: reading.restated })
    }

    pub(crate) async fn series(
        &self,
        query: &Query,
        by: &[Dimension],
        windows: &[AlignedWindow],
        view: View<'_>,
    ) -> Result<Stated<Series>, Fault> {
        let reading = self.read(query, by, windows, view, Told::All).await?;
        let report = domain::series(query, by, windows.len(), &reading.cells);
        Ok(Stated { as_of: reading.as_of, report, restated: reading.restated })
    }

    /// The coarsest cells that answer it. What is recomputed must know what each step spent.
    async fn read(
        &self,
        query: &Query,
        by: &[Dimension],
        windows: &[AlignedWindow],
        view: View<'_>,
        told: Told,
    ) -> Result<Numbered, Fault> {
        let grain = match view {
            None => Grain::telling(query.named().chain(by.iter().copied())),
            Some(_) => Grain::Full,
        };
        let reading = self.store.windows(query.workspace, grain, windows).await.map_err(unread)?;
        let (as_of, cells) = (reading.as_of, reading.cells);
        let Some(versions) = view else { return Ok(Numbered { as_of, cells, restated: None }) };
        let works = domain::works(cells.iter().map(|(_, cell)| cell));
        let (today, stamp) = versions.today(query.workspace, &works).await?;
        let mut differences = Differences::default();
        let restated = cells.into_iter().map(|(window, cell)| {
            let (before, cell) = domain::restate(cell, &today);
            if (told == Told::All || window == 0) && query.passes(&cell.dimensions) {
                differences.add(query.policy, &before, &cell, &today);
            }
            (window, cell)
        });
        let cells = restated.collect();
        let differences = differences.finish();
        Ok(Numbered { as_of, cells, restated: Some(Restated { differences, stamp }) })
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
