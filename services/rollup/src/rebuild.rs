//! Recounting a workspace from the ledger beside its live cells.
//!
//! Every replica looks for rebuilds that nobody works on, so that one whose replica was killed goes on where
//! it stood. What is replayed and how far moves in one transaction, as it does for the consumer.

use std::sync::Arc;
use std::time::Duration;

use chassis::Context;
use fault::Fault;
use kernel::{Clock, IdSource, Timestamp, WorkspaceId};
use tail::Replayer;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::app::unread;
use crate::domain::{Rebuild, RebuildState};
use crate::ledger;
use crate::store::{Claim, NewRebuild, Rebuilds};

/// How long a replica may be silent before another takes its rebuild over.
const LEASE: Duration = Duration::from_secs(5);
/// How often a replica looks for one to take over.
const EVERY: Duration = Duration::from_secs(2);
/// Entries of one transaction, about. The consumer of the partition waits for it.
const ENTRIES: usize = 4_096;

/// Asking for a rebuild, and how far one is.
pub(crate) struct Rebuilding {
    store: Arc<dyn Rebuilds>,
    /// Tells this replica at once that there is something to do.
    wake: Arc<Notify>,
    ids: Arc<dyn IdSource>,
}

/// The part of a replica that rebuilds.
struct Builder {
    store: Arc<dyn Rebuilds>,
    ledger: Replayer,
    wake: Arc<Notify>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    holder: i64,
}

impl Rebuilding {
    /// Starts to look for rebuilds, whoever asked for them.
    pub(crate) fn spawn(store: Arc<dyn Rebuilds>, ledger: Replayer, ctx: &Context) -> Self {
        let wake = Arc::new(Notify::new());
        let builder = Builder {
            store: Arc::clone(&store),
            ledger,
            wake: Arc::clone(&wake),
            clock: Arc::clone(&ctx.clock),
            stop: ctx.stop.clone(),
            holder: IdSource::next_i64(&*ctx.ids),
        };
        ctx.tasks.spawn(builder.run());
        Self { store, wake, ids: Arc::clone(&ctx.ids) }
    }

    /// Begins one, unless one runs or this request began one: then that is answered.
    pub(crate) async fn begin(
        &self,
        workspace: WorkspaceId,
        request_id: String,
        reason: String,
        at: Timestamp,
    ) -> Result<Rebuild, Fault> {
        let new = NewRebuild { id: self.ids.next_i64(), workspace, request_id, reason, at };
        let rebuild = self.store.begin(new).await.map_err(unread)?;
        self.wake.notify_one();
        Ok(rebuild)
    }

    pub(crate) async fn find(
        &self,
        workspace: WorkspaceId,
        id: i64,
    ) -> Result<Option<Rebuild>, Fault> {
        self.store.find(workspace, id).await.map_err(unread)
    }
}

impl Builder {
    async fn run(self) {
        let mut outage = chassis::Outage::default();
        while !self.stop.is_cancelled() {
            let step = tokio::select! {
                // Whoever takes a rebuild over goes on where this one stands.
                () = self.stop.cancelled() => return,
                step = self.step() => step,
            };
            match step {
                Ok(()) => {
                    outage.is_over();
                }
                Err(error) => {
                    let error = fault::chain(&error);
                    if outage.is_news(&error) {
                        tracing::warn!(error, "a rebuild was interrupted, it goes on later");
                    }
                }
            }
            let next = self.clock.now().plus(EVERY);
            tokio::select! {
                () = self.wake.notified() => {}
                () = self.clock.sleep_until(next) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// Works on every rebuild that is free.
    async fn step(&self) -> Result<(), tail::Error> {
        while let Some(claim) = self.store.claim(self.holder, LEASE).await? {
            let seals = match self.replay(&claim).await {
                Ok(()) => {
                    let sealing = self.store.seal(&claim);
                    Some(held(&*self.store, &*self.clock, &claim, sealing).await?)
                }
                Err(tail::Error::Corrupt { partition, seq, cause }) => {
                    let error = fault::chain(&*cause);
                    tracing::error!(%partition, seq, error, "a rebuild ends at an unreadable entry");
                    None
                }
                Err(error) => return Err(error),
            };
            let state = seals.as_ref().map_or(RebuildState::Failed, |_| RebuildState::Succeeded);
            self.store.end(&claim, seals, self.clock.now()).await?;
            let rebuild = claim.rebuild.id;
            tracing::info!(rebuild, workspace = %claim.rebuild.workspace, ?state, "rebuild ended");
        }
        Ok(())
    }

    async fn replay(&self, claim: &Claim) -> Result<(), tail::Error> {
        let rebuild = &claim.rebuild;
        let partition = rebuild.workspace.partition();
        let stretch = (rebuild.done, rebuild.until);
        let mut replay = self.ledger.open(partition, stretch).await?;
        let (mut from, mut facts, mut entries) = (rebuild.done, Vec::new(), 0);
        loop {
            let batch = replay.next().await?;
            let ended = batch.is_none();
            if let Some(batch) = batch {
                entries += batch.entries.len();
                facts.extend(ledger::facts(batch));
            }
            if entries >= ENTRIES || (ended && entries > 0) {
                let to = replay.at();
                self.store.replay(claim, (from, to), std::mem::take(&mut facts), LEASE).await?;
                (from, entries) = (to, 0);
            }
            if ended {
                return Ok(());
            }
        }
    }
}

/// Does what may take longer than a lease. Whoever took the rebuild over meanwhile would not be done any
/// sooner, and neither of them ever.
async fn held<T>(
    store: &dyn Rebuilds,
    clock: &dyn Clock,
    claim: &Claim,
    work: impl Future<Output = Result<T, tail::Error>>,
) -> Result<T, tail::Error> {
    tokio::select! {
        done = work => done,
        lost = renewed(store, clock, claim) => Err(lost),
    }
}

/// Renews the lease of a claim until it is lost; says why.
async fn renewed(store: &dyn Rebuilds, clock: &dyn Clock, claim: &Claim) -> tail::Error {
    loop {
        clock.sleep_until(clock.now().plus(LEASE / 3)).await;
        if let Err(lost) = store.renew(claim, LEASE).await {
            return lost;
        }
    }
}

#[cfg(test)]
mod tests;
