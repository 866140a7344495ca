//! Making a change, or telling what it would do; deciding again when another came first.

use std::sync::Arc;

use kernel::{Position, WorkspaceId};

use super::{App, Error, unknown};
use crate::domain::{Change, Displaced, Matching, NewChange, Value, Version, When, built_ins};
use crate::snapshots::Snapshot;
use crate::store::{Appended, Basis, Request};

/// How often a decision is made again because the workspace moved: an import among busy hands.
pub(super) const DECISIONS_MAX: usize = 8;

/// How a change is to be made.
#[derive(Debug, Clone, Default)]
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

/// What a decision rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RestsOn {
    /// The request alone: whatever else changes meanwhile, it is right.
    ItsRequest,
    /// The workspace's catalog as it is: where that changes, it is made again.
    TheCatalog,
}

/// Changes that were made together, or would be.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) values: Vec<(Value, Version)>,
    /// Of the last of them; `None` for a preview.
    pub(crate) position: Option<Position>,
    /// Of the first of them, where the same request had written them before.
    pub(crate) repeats: Option<Position>,
    /// By the first of them.
    pub(crate) displaced: Option<Displaced>,
}

/// What there is to decide on.
pub(super) enum Look {
    At(Arc<Snapshot>),
    /// Nothing: the same request was written before.
    Answered(Written),
}

impl App {
    /// Makes a change, once for each request id; an alias in a baseline's key gives way to the type it
    /// stands for.
    pub(crate) async fn set(&self, new: NewChange, write: Write) -> Result<Written, Error> {
        let workspace = new.workspace;
        let rests_on = match &new.value {
            // Two patterns, each the last there is room for, are one too many.
            Value::ModelPrice(price) if price.key.matching == Matching::Regex => {
                RestsOn::TheCatalog
            }
            _ => RestsOn::ItsRequest,
        };
        self.decide(workspace, write, rests_on, |seen| {
            let mut new = new.clone();
            if let Value::Baseline(baseline) = &mut new.value {
                let at = new.effective.unwrap_or_else(|| self.now());
                let key = seen.catalog.canonical(&baseline.key, When::at(at));
                let unknown = || unknown(&seen.catalog, &baseline.key.task_type, at);
                baseline.key = key.ok_or_else(unknown)?;
            }
            if let Value::ModelPrice(price) = &new.value
                && let Some(problem) = seen.catalog.refuse_price(price)
            {
                return Err(Error::Refused { field: "model_price.model", problem });
            }
            Ok(vec![new])
        })
        .await
    }

    /// Writes what `decide` makes of the catalog as it is. Where the workspace changes meanwhile, the
    /// decision is made again: nothing is overwritten unseen.
    pub(super) async fn decide(
        &self,
        workspace: WorkspaceId,
        write: Write,
        rests_on: RestsOn,
        decide: impl Fn(&Snapshot) -> Result<Vec<NewChange>, Error>,
    ) -> Result<Written, Error> {
        for _ in 0..DECISIONS_MAX {
            let seen = match self.look(workspace, &write).await? {
                Look::Answered(written) => return Ok(written),
                Look::At(seen) => seen,
            };
            let new = decide(&seen)?;
            if let Some(written) = self.put(workspace, &seen, new, &write, rests_on).await? {
                return Ok(written);
            }
        }
        Err(Error::Contended)
    }

    /// The catalog that a decision is made on, unless the same request was answered before.
    pub(super) async fn look(&self, workspace: WorkspaceId, write: &Write) -> Result<Look, Error> {
        // First the catalog, then whether the request was done already: what is not done now is not in
        // the catalog either, so that a twin's own doing never looks like a reason to refuse it.
        let seen = self.snapshots.of(workspace, &self.store).await?;
        if let Some(request) = write.request.as_ref().filter(|_| write.mode == Mode::Record)
            && let Some(answer) = self.store.replayed(workspace, request).await?
        {
            let written = self.told(workspace, answer).await?.ok_or(Error::Contended)?;
            return Ok(Look::Answered(written));
        }
        Ok(Look::At(seen))
    }

    /// Records a decision, or tells what it would do. `None`: decide again.
    pub(super) async fn put(
        &self,
        workspace: WorkspaceId,
        seen: &Arc<Snapshot>,
        new: Vec<NewChange>,
        write: &Write,
        rests_on: RestsOn,
    ) -> Result<Option<Written>, Error> {
        let Write { request, based_on, mode } = write;
        if *mode == Mode::Preview {
            return self.preview(seen, new, based_on.as_deref()).map(Some);
        }
        let known = (rests_on == RestsOn::TheCatalog).then_some(seen.last);
        let basis = Basis { version: based_on.clone(), seen: known };
        let answer = self.store.append(new, request.clone(), basis).await?;
        self.told(workspace, answer).await
    }

    /// `None`: decide again.
    async fn told(
        &self,
        workspace: WorkspaceId,
        answer: Appended,
    ) -> Result<Option<Written>, Error> {
        let (changes, is_repeat) = match answer {
            Appended::Recorded(changes) => {
                self.committed.send_replace(());
                (changes, false)
            }
            Appended::Replayed(changes) => (changes, true),
            Appended::RequestReused => return Err(Error::RequestReused),
            Appended::VersionLost(current) => return Err(Error::VersionLost { current }),
            Appended::Moved => return Ok(None),
        };
        let catalog = self.catalog(workspace).await?;
        let first = changes.first();
        let displaced = first.and_then(|first| catalog.displaced(&first.value, &first.version));
        let position = changes.last().map(|last| last.position);
        let repeats = first.map(|first| first.position).filter(|_| is_repeat);
        let values = changes.into_iter().map(|Change { value, version, .. }| (value, version));
        Ok(Some(Written { values: values.collect(), position, repeats, displaced }))
    }

    fn preview(
        &self,
        seen: &Arc<Snapshot>,
        new: Vec<NewChange>,
        based_on: Option<&str>,
    ) -> Result<Written, Error> {
        let latest = new.first().and_then(|first| seen.catalog.latest(&first.value));
        let standing = latest.map_or(built_ins().id(), |version| version.id.as_str());
        if based_on.is_some_and(|based_on| based_on != standing) {
            return Err(Error::VersionLost { current: latest.cloned() });
        }
        let now = self.now();
        let values = new.into_iter().map(|new| {
            let latest = seen.catalog.latest(&new.value);
            let version = Version {
                id: String::new(),
                number: latest.map_or(1, |version| version.number + 1),
                effective: new.effective.unwrap_or(now),
                recorded: now,
                actor: new.actor,
                reason: new.reason.as_str().to_owned(),
            };
            (new.value, version)
        });
        let values: Vec<_> = values.collect();
        let first = values.first();
        let displaced = first.and_then(|(value, version)| seen.catalog.displaced(value, version));
        Ok(Written { values, position: None, repeats: None, displaced })
    }
}
