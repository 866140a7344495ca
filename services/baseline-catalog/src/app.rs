//! Use cases: load, decide, save. What the catalog knows is always derived from the change log.

use std::sync::Arc;

use kernel::{Clock, Position, Timestamp, WorkspaceId, nearest};
use tokio::sync::watch;

use crate::domain::{
    BUILT_INS, BaselineKey, BaselineValue, BuiltIn, Catalog, Change, Dimensions, Displaced, Kind,
    NewChange, RateValue, Recorded, TaskKey, Value, Version,
};
use crate::store::{self, Appended, Request, Store};

/// The catalog.
pub(crate) struct App {
    store: Store,
    clock: Arc<dyn Clock>,
    /// Woken after every commit of this process; other replicas' commits are found by polling.
    committed: watch::Sender<()>,
}

/// Why a use case was refused, or broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no task type is called {name}")]
    UnknownTaskType { name: String, nearest: Vec<&'static str> },
    #[error("the request id was used for another request")]
    RequestReused,
    #[error("another change came first")]
    VersionLost { current: Option<Version> },
    #[error("the reader is ahead of the log in partition {0}")]
    AheadOfLog(kernel::Partition),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// How a change is to be made.
#[derive(Debug, Default)]
pub(crate) struct Write {
    pub(crate) request: Option<Request>,
    /// The version id the caller has seen last.
    pub(crate) based_on: Option<String>,
    pub(crate) mode: Mode,
}

/// Whether a change is made, or only told what it would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Record,
    Preview,
}

/// A change that was made, or would be.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) value: Value,
    pub(crate) version: Version,
    /// `None` for a preview.
    pub(crate) position: Option<Position>,
    pub(crate) displaced: Option<Displaced>,
}

/// What was found for one key.
#[derive(Debug)]
pub(crate) enum Resolved {
    Baseline(Recorded<BaselineValue>),
    Unknown { nearest: Vec<&'static str> },
}

impl App {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, committed: watch::Sender::new(()) }
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

    /// Every task type, with the general baseline that holds now.
    pub(crate) async fn task_types(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<(&'static BuiltIn, Option<Recorded<BaselineValue>>)>, Error> {
        let (catalog, now) = (self.catalog(workspace, Kind::Baseline).await?, self.now());
        let listed = |built_in: &'static BuiltIn| {
            (built_in, catalog.baseline(&BaselineKey::general(built_in.task_key()), now))
        };
        Ok(BUILT_INS.iter().map(listed).collect())
    }

    /// A task type by key or alias, with every baseline that holds at `at`.
    pub(crate) async fn task_type(
        &self,
        workspace: WorkspaceId,
        key: &TaskKey,
        at: Timestamp,
    ) -> Result<(&'static BuiltIn, Vec<Recorded<BaselineValue>>), Error> {
        let (built_in, _) = BuiltIn::named(key).ok_or_else(|| unknown(key))?;
        let catalog = self.catalog(workspace, Kind::Baseline).await?;
        Ok((built_in, catalog.baselines(&built_in.task_key(), at)))
    }

    /// What held for each key at `at`, by what had been recorded by `as_of`.
    pub(crate) async fn resolve(
        &self,
        workspace: WorkspaceId,
        keys: &[BaselineKey],
        at: Timestamp,
        as_of: Timestamp,
    ) -> Result<Vec<Resolved>, Error> {
        let changes = self.store.changes(workspace, Kind::Baseline).await?;
        let catalog =
            Catalog::of(changes.into_iter().filter(|change| change.version.recorded <= as_of));
        let resolve = |key: &BaselineKey| {
            let found = BuiltIn::canonical(key).and_then(|key| catalog.baseline(&key, at));
            found.map_or_else(
                || Resolved::Unknown { nearest: nearest(key.task_type.as_str(), BuiltIn::names()) },
                Resolved::Baseline,
            )
        };
        Ok(keys.iter().map(resolve).collect())
    }

    /// Every version of a baseline, the newest first.
    pub(crate) async fn baseline_history(
        &self,
        workspace: WorkspaceId,
        key: &BaselineKey,
        with: Dimensions,
    ) -> Result<Vec<Recorded<BaselineValue>>, Error> {
        let key = BuiltIn::canonical(key).ok_or_else(|| unknown(&key.task_type))?;
        Ok(self.catalog(workspace, Kind::Baseline).await?.baseline_history(&key, with))
    }

    /// The rates that hold at `at`.
    pub(crate) async fn rates(
        &self,
        workspace: WorkspaceId,
        at: Timestamp,
    ) -> Result<Vec<Recorded<RateValue>>, Error> {
        Ok(self.catalog(workspace, Kind::HourlyRate).await?.rates(at))
    }

    /// Every version of every rate, the newest first.
    pub(crate) async fn rate_history(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<Recorded<RateValue>>, Error> {
        Ok(self.catalog(workspace, Kind::HourlyRate).await?.rate_history())
    }

    /// Sets or withdraws a baseline; an alias in its key gives way to the type it stands for.
    pub(crate) async fn set_baseline(
        &self,
        mut new: NewChange,
        write: Write,
    ) -> Result<Written, Error> {
        if let Value::Baseline(baseline) = &mut new.value {
            let key = BuiltIn::canonical(&baseline.key);
            baseline.key = key.ok_or_else(|| unknown(&baseline.key.task_type))?;
        }
        self.write(new, write).await
    }

    /// Makes a change, once for each request id.
    pub(crate) async fn write(&self, new: NewChange, write: Write) -> Result<Written, Error> {
        let (workspace, kind) = (new.workspace, new.value.kind());
        let Write { request, based_on, mode } = write;
        if mode == Mode::Preview {
            return self.preview(new, based_on).await;
        }
        let change = match self.store.append(new, request, based_on).await? {
            Appended::Recorded(change) => {
                self.committed.send_replace(());
                change
            }
            Appended::Replayed(change) => change,
            Appended::RequestReused => return Err(Error::RequestReused),
            Appended::VersionLost(current) => return Err(Error::VersionLost { current }),
        };
        let Change { position, version, value, .. } = change;
        let displaced = self.catalog(workspace, kind).await?.displaced(&value, &version);
        Ok(Written { value, version, position: Some(position), displaced })
    }

    async fn preview(&self, new: NewChange, based_on: Option<String>) -> Result<Written, Error> {
        let changes = self.store.changes(new.workspace, new.value.kind()).await?;
        let subject = new.value.subject();
        let latest = changes.iter().rfind(|change| change.value.subject() == subject);
        let latest = latest.map(|change| change.version.clone());
        if based_on.is_some() && based_on != latest.as_ref().map(|version| version.id.clone()) {
            return Err(Error::VersionLost { current: latest });
        }
        let now = self.now();
        let version = Version {
            id: String::new(),
            number: latest.map_or(1, |version| version.number + 1),
            effective: new.effective.unwrap_or(now),
            recorded: now,
            actor: new.actor,
            reason: new.reason.as_str().to_owned(),
        };
        let displaced = Catalog::of(changes).displaced(&new.value, &version);
        Ok(Written { value: new.value, version, position: None, displaced })
    }

    async fn catalog(&self, workspace: WorkspaceId, kind: Kind) -> Result<Catalog, Error> {
        Ok(Catalog::of(self.store.changes(workspace, kind).await?))
    }
}

fn unknown(key: &TaskKey) -> Error {
    Error::UnknownTaskType {
        name: key.as_str().to_owned(),
        nearest: nearest(key.as_str(), BuiltIn::names()),
    }
}
