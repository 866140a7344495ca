//! Use cases: load, decide, save. What the catalog knows is always derived from the change log.

mod packs;
mod task_types;
mod write;

use std::sync::Arc;

use kernel::{Clock, Timestamp, WorkspaceId};
use tokio::sync::watch;

use crate::domain::{
    BaselineKey, BaselineValue, Catalog, Problem, Recorded, TaskKey, TaskType, Version, When,
    Wrongs,
};
use crate::snapshots::Snapshots;
use crate::store::{self, Store};

pub(crate) use packs::Importing;
pub(crate) use task_types::Editor;
pub(crate) use write::{Mode, Write, Written};

/// The catalog.
pub(crate) struct App {
    store: Store,
    clock: Arc<dyn Clock>,
    /// Woken after every commit of this process; other replicas' commits are found by polling.
    committed: watch::Sender<()>,
    snapshots: Snapshots,
}

/// Why a use case was refused, or broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no task type is called {name}")]
    UnknownTaskType { name: String, nearest: Vec<String> },
    #[error("{0} exists")]
    TaskTypeExists(TaskKey),
    #[error("{0} comes with the product")]
    BuiltIn(TaskKey),
    #[error("{field}: {}", problem.what)]
    Refused { field: &'static str, problem: Problem },
    #[error("the pack is not taken")]
    PackRefused(Wrongs),
    #[error("the catalog is a pack of {bytes} bytes")]
    PackTooLarge { bytes: usize },
    #[error("the request id was used for another request")]
    RequestReused,
    #[error("another change came first")]
    VersionLost { current: Option<Version> },
    #[error("other changes kept coming first")]
    Contended,
    #[error("the reader is ahead of the log in partition {0}")]
    AheadOfLog(kernel::Partition),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What was found for one key.
#[derive(Debug)]
pub(crate) enum Resolved {
    Baseline(Recorded<BaselineValue>),
    /// The task type is known, and had none.
    Missing(TaskKey),
    Unknown {
        nearest: Vec<String>,
    },
}

/// Unknown keys of one call that are answered with a hint: looking for the nearest of a thousand names
/// takes a millisecond, and a thousand typos are not typos.
const HINTS_MAX: usize = 10;

impl App {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, committed: watch::Sender::new(()), snapshots: Snapshots::new() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn commits(&self) -> watch::Receiver<()> {
        self.committed.subscribe()
    }

    /// Everything a workspace's reads answer from.
    pub(crate) async fn catalog(&self, workspace: WorkspaceId) -> Result<Arc<Catalog>, Error> {
        Ok(Arc::clone(&self.snapshots.of(workspace, &self.store).await?.catalog))
    }

    /// A task type by key or alias, with every baseline that holds at `at`.
    pub(crate) async fn task_type(
        &self,
        workspace: WorkspaceId,
        name: &TaskKey,
        at: Timestamp,
    ) -> Result<(Recorded<TaskType>, Vec<Recorded<BaselineValue>>), Error> {
        let catalog = self.catalog(workspace).await?;
        let (found, _) =
            catalog.named(name, When::at(at)).ok_or_else(|| unknown(&catalog, name, at))?;
        Ok((found.clone(), catalog.baselines(&found.value.key, at)))
    }

    /// What held for each key at an instant, by what had been recorded by another.
    pub(crate) async fn resolve(
        &self,
        workspace: WorkspaceId,
        keys: &[BaselineKey],
        when: When,
    ) -> Result<Vec<Resolved>, Error> {
        let catalog = self.catalog(workspace).await?;
        let mut hints = 0;
        let mut resolve = |key: &BaselineKey| match catalog.canonical(key, when) {
            Some(key) => match catalog.baseline(&key, when) {
                Some(found) => Resolved::Baseline(found.clone()),
                None => Resolved::Missing(key.task_type),
            },
            None => {
                hints += 1;
                let nearest = match hints <= HINTS_MAX {
                    true => catalog.nearest(key.task_type.as_str(), when.at),
                    false => Vec::new(),
                };
                Resolved::Unknown { nearest }
            }
        };
        Ok(keys.iter().map(&mut resolve).collect())
    }
}

/// No task type goes by that name.
pub(crate) fn unknown(catalog: &Catalog, name: &TaskKey, at: Timestamp) -> Error {
    Error::UnknownTaskType {
        name: name.as_str().to_owned(),
        nearest: catalog.nearest(name.as_str(), at),
    }
}
