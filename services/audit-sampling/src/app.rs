//! Use cases: what was drawn, and how that can be checked.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Position, WorkspaceId};
use tail::Progress;

use crate::domain::{DEFAULT_PLAN, Plan, Sample, Secret};
use crate::store::{self, After, Counts, Filter, Store};

/// Audit sampling, as far as callers see it.
pub(crate) struct App {
    store: Store,
    secret: Secret,
    progress: Progress,
    clock: Arc<dyn Clock>,
}

/// Why a use case was refused, or broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no plan is called {0}")]
    UnknownPlan(String),
    #[error("the token belongs to another workspace")]
    ForeignToken,
    #[error("the ledger has not been consumed that far")]
    NotYetConsumed,
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What was drawn in a week, and what decided it.
#[derive(Debug)]
pub(crate) struct Week {
    pub(crate) counts: Counts,
    pub(crate) salt_hash: [u8; 32],
    /// Once the week is over.
    pub(crate) salt: Option<[u8; 32]>,
}

/// What an answer must reflect, and how long its caller waits for that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtLeast {
    pub(crate) position: Position,
    pub(crate) patience: Duration,
}

impl App {
    pub(crate) fn new(
        store: Store,
        secret: Secret,
        progress: Progress,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, secret, progress, clock }
    }

    /// A plan by id; the empty id is the default's.
    pub(crate) fn plan(&self, id: &str) -> Result<&'static Plan, Error> {
        match id {
            "" => Ok(&DEFAULT_PLAN),
            id if id == DEFAULT_PLAN.id => Ok(&DEFAULT_PLAN),
            id => Err(Error::UnknownPlan(id.to_owned())),
        }
    }

    /// The next samples, at most `limit`, and what they reflect.
    pub(crate) async fn samples(
        &self,
        workspace: WorkspaceId,
        filter: &Filter,
        after: Option<&After>,
        limit: u64,
        at_least: Option<AtLeast>,
    ) -> Result<(Vec<Sample>, Position), Error> {
        self.wait(workspace, at_least).await?;
        // Before reading: an answer may show more than it says, never less.
        let reflects = self.reflects(workspace);
        Ok((self.store.samples(workspace, filter, after, limit).await?, reflects))
    }

    /// The weeks of a plan, the latest first, and what they reflect.
    pub(crate) async fn weeks(
        &self,
        workspace: WorkspaceId,
        plan: &Plan,
    ) -> Result<(Vec<Week>, Position), Error> {
        let reflects = self.reflects(workspace);
        let now = self.clock.now();
        let week = |counts: Counts| {
            let salt = self.secret.salt(workspace, plan.id, counts.period);
            let public = now >= counts.period.salt_public_from();
            Week { salt_hash: salt.hash(), salt: public.then(|| *salt.bytes()), counts }
        };
        Ok((self.store.counts(workspace, plan.id).await?.into_iter().map(week).collect(), reflects))
    }

    async fn wait(&self, workspace: WorkspaceId, at_least: Option<AtLeast>) -> Result<(), Error> {
        let Some(AtLeast { position, patience }) = at_least else { return Ok(()) };
        if position.partition != workspace.partition() {
            return Err(Error::ForeignToken);
        }
        let reached = self.progress.reaches(position, patience).await;
        if reached { Ok(()) } else { Err(Error::NotYetConsumed) }
    }

    fn reflects(&self, workspace: WorkspaceId) -> Position {
        let partition = workspace.partition();
        Position { partition, seq: self.progress.applied(partition) }
    }
}
