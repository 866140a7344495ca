//! Recording events: value, append, answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fault::{ErrorReason, Fault};
use kernel::{Clock, Currency, Position, Timestamp, WorkspaceId};

use crate::access::{self, Access};
use crate::catalog_copy::CatalogCopy;
use crate::committer::{Committed, Committer, Refused};
use crate::domain::{Task, UnknownTaskType, Valuation, value};
use crate::store::{LedgerReader, NewEntry, Row};

/// How long a workspace's settings are believed.
const SETTINGS_TTL: Duration = Duration::from_secs(1);
/// Settings kept: past it the map starts anew.
const SETTINGS_MAX: usize = 10_000;

/// What an event's treatment depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkspaceSettings {
    pub(crate) currency: Currency,
    pub(crate) accept_unknown: bool,
}

/// The use cases of IngestService.
pub(crate) struct App {
    pub(crate) committer: Committer,
    pub(crate) reader: LedgerReader,
    pub(crate) catalog: Arc<CatalogCopy>,
    pub(crate) access: Access,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Mutex<HashMap<WorkspaceId, (Timestamp, WorkspaceSettings)>>,
}

impl App {
    pub(crate) async fn settings(
        &self,
        id: WorkspaceId,
    ) -> Result<WorkspaceSettings, access::Error> {
        let now = self.clock.now();
        let known = self.settings.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
        if let Some((read, settings)) = known
            && now.since(read) < SETTINGS_TTL
        {
            return Ok(settings);
        }
        let workspace = self.access.workspace(id).await?;
        let settings = WorkspaceSettings {
            currency: workspace.currency,
            accept_unknown: workspace.accept_unknown,
        };
        let mut kept = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= SETTINGS_MAX {
            kept.clear();
        }
        kept.insert(id, (now, settings));
        Ok(settings)
    }

    /// Waits for a catalog version a caller has seen.
    pub(crate) async fn catalog_at_least(
        &self,
        version: Option<Position>,
        patience: Duration,
    ) -> Result<(), Fault> {
        let Some(version) = version else { return Ok(()) };
        if self.catalog.reaches(version, patience).await {
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

    pub(crate) async fn append(&self, entries: Vec<NewEntry>) -> Result<Committed, Fault> {
        self.committer.append(entries).await.map_err(|refused| match refused {
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
}

/// Why a step has no value.
#[derive(Debug)]
pub(crate) enum ValueError {
    /// Nothing was ever learnt from the catalog.
    NoCatalog,
    Unknown(UnknownTaskType),
}
