//! Recording events: value, append, answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fault::{ErrorReason, Fault};
use kernel::{Clock, Currency, Position, Timestamp, WorkspaceId};
use tokio_util::sync::CancellationToken;

use crate::access::{self, Access};
use crate::catalog_copy::CatalogCopy;
use crate::committer::{Committed, Committer, Refused, WhenFull};
use crate::domain::limits::FUTURE_MAX;
use crate::domain::{
    Allowance, Call, Cost, KeyId, Search, Task, UnknownTaskType, Valuation, value,
};
use crate::guard::Guard;
use crate::limits::Limits;
use crate::store::{LedgerReader, NewEntry, Row};

/// How long a workspace's settings are believed; then as long as it takes to ask again.
const SETTINGS_TTL: Duration = Duration::from_secs(1);
/// Settings kept: past it the map starts anew.
const SETTINGS_MAX: usize = 10_000;

/// How far the clocks of two replicas may disagree before a search by time passes an event over.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(3_600);

/// What an event's treatment depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkspaceSettings {
    pub(crate) currency: Currency,
    pub(crate) accept_unknown: bool,
    /// With the install's limits where the workspace says nothing.
    pub(crate) allowance: Allowance,
}

/// Settings, and when they were asked for.
type Kept = HashMap<WorkspaceId, (Timestamp, WorkspaceSettings)>;

/// The use cases of IngestService.
pub(crate) struct App {
    pub(crate) committer: Committer,
    pub(crate) reader: LedgerReader,
    pub(crate) catalog: Arc<CatalogCopy>,
    pub(crate) access: Access,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) guard: Guard,
    pub(crate) settings: Mutex<Kept>,
    /// The drain has begun.
    pub(crate) stop: CancellationToken,
}

impl App {
    pub(crate) async fn settings(
        &self,
        id: WorkspaceId,
    ) -> Result<WorkspaceSettings, access::Error> {
        let now = self.clock.now();
        if let Some((read, settings)) = self.kept_settings().get_mut(&id) {
            if now.since(*read) < SETTINGS_TTL {
                return Ok(*settings);
            }
            // One asks; who comes meanwhile goes by what is known.
            *read = now;
        }
        // Boxed, since hardly a call needs the room.
        let workspace = Box::pin(self.access.workspace(id)).await?;
        let settings = WorkspaceSettings {
            currency: workspace.currency,
            accept_unknown: workspace.accept_unknown,
            allowance: workspace.allowance.or(self.limits.install),
        };
        let mut kept = self.kept_settings();
        if kept.len() >= SETTINGS_MAX {
            kept.clear();
        }
        kept.insert(id, (now, settings));
        Ok(settings)
    }

    fn kept_settings(&self) -> MutexGuard<'_, Kept> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a catalog version a caller has seen.
    pub(crate) async fn catalog_at_least(
        &self,
        version: Option<Position>,
        patience: Duration,
    ) -> Result<(), Fault> {
        let Some(version) = version else { return Ok(()) };
        if Box::pin(self.catalog.reaches(version, patience)).await {
            return Ok(());
        }
        let what = "ingest has not seen this catalog version yet; call again";
        Err(Fault::deadline(ErrorReason::NotYetConsumed, what).with("catalog_version", version))
    }

    /// What a step is worth. `None` for a task type the workspace takes unvalued.
    pub(crate) fn value(
        &self,
        task: &Task,
        workspace: WorkspaceId,
        settings: WorkspaceSettings,
    ) -> Result<Option<Valuation>, ValueError> {
        let valued = self
            .catalog
            .read(|catalog| catalog.is_usable().then(|| value(task, workspace, catalog)));
        match valued.ok_or(ValueError::NoCatalog)? {
            Ok(valuation) => Ok(Some(valuation)),
            Err(_) if settings.accept_unknown => Ok(None),
            Err(unknown) => Err(ValueError::Unknown(unknown)),
        }
    }

    /// What a call cost; `None` where nobody knows.
    pub(crate) fn price(
        &self,
        call: &Call,
        workspace: WorkspaceId,
    ) -> Result<Option<Cost>, ValueError> {
        let priced =
            self.catalog.read(|catalog| catalog.is_usable().then(|| call.cost(workspace, catalog)));
        priced.ok_or(ValueError::NoCatalog)
    }

    pub(crate) async fn append(
        &self,
        entries: Vec<NewEntry>,
        full: WhenFull<'_>,
    ) -> Result<Committed, Fault> {
        self.committer.append(entries, full).await.map_err(|refused| match refused {
            Refused::Overloaded => Fault::exhausted(
                ErrorReason::Overloaded,
                "more events wait for a commit than is healthy; call again in a moment",
            )
            .retry_after(Duration::from_millis(100)),
            Refused::Stopping => {
                Fault::unavailable(ErrorReason::ShuttingDown, "ingest is stopping; call again")
            }
            Refused::Storage(error) if error.is_retryable() => {
                Fault::storage_unavailable().because(error)
            }
            Refused::Storage(error) => {
                Fault::internal("the events could not be recorded").because(error)
            }
        })
    }

    pub(crate) async fn find(
        &self,
        workspace: WorkspaceId,
        position: Position,
    ) -> Result<Option<Row>, db::Error> {
        // Positions of other partitions cannot be this workspace's.
        if workspace.partition() != position.partition {
            return Ok(None);
        }
        self.reader.find(workspace, position).await
    }

    /// Those of the entries that are there and the workspace's. For a few dozen at most: one bound value
    /// each.
    pub(crate) async fn find_all(
        &self,
        workspace: WorkspaceId,
        positions: impl IntoIterator<Item = Position>,
    ) -> Result<Vec<Row>, db::Error> {
        let partition = workspace.partition();
        let here = positions.into_iter().filter(|position| position.partition == partition);
        let seqs: Vec<i64> = here.map(|position| position.seq).collect();
        if seqs.is_empty() {
            return Ok(Vec::new());
        }
        self.reader.find_all(workspace, seqs).await
    }

    /// Where a search begins and where the ledger ends now: (`after`, `head`]. Nothing may occur more than
    /// a day after it was recorded, and recorded times follow seq, so what was recorded well before the
    /// window is skipped by halving, without an index and without reading it.
    pub(crate) async fn stretch(
        &self,
        workspace: WorkspaceId,
        search: &Search,
    ) -> Result<(i64, i64), db::Error> {
        let partition = workspace.partition();
        let head = self.reader.head(partition).await?;
        let Some(window) = search.window else { return Ok((0, head)) };
        let too_early = window.start().minus(FUTURE_MAX).minus(CLOCKS_APART_MAX);
        let (mut after, mut not_after) = (0, head);
        while after < not_after {
            let seq = after + (not_after - after + 1) / 2;
            let recorded = self.reader.recorded(Position { partition, seq }).await?;
            if recorded.is_none_or(|at| at < too_early) {
                after = seq;
            } else {
                not_after = seq - 1;
            }
        }
        Ok((after, head))
    }

    /// Where the ledger of a workspace ends now.
    pub(crate) async fn head(&self, workspace: WorkspaceId) -> Result<i64, db::Error> {
        self.reader.head(workspace.partition()).await
    }

    /// At most `limit` entries of a stretch that match as far as the database can tell.
    pub(crate) async fn search(
        &self,
        workspace: WorkspaceId,
        stretch: (i64, i64),
        search: &Search,
        limit: u64,
    ) -> Result<Vec<Row>, db::Error> {
        self.reader.search(workspace, stretch, search, limit).await
    }

    /// Whether the key behind a long call may go on.
    pub(crate) async fn still_holds(&self, key_id: &str) -> Result<(), Fault> {
        // A key of another authenticator is not ours to judge.
        let Some(id) = KeyId::parse(key_id) else { return Ok(()) };
        Ok(self.access.still_holds(id).await?)
    }
}

/// Why a step has no value.
#[derive(Debug)]
pub(crate) enum ValueError {
    /// Nothing was ever learnt from the catalog.
    NoCatalog,
    Unknown(UnknownTaskType),
}
