//! Behind the ledger: counting entries by workspace and month, and keeping the values of dimensions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chassis::Context;
use db::Db;
use kernel::{Clock, Partition, Position};
use tokio_util::sync::CancellationToken;

use super::Limits;
use super::dimensions::DimensionValues;
use super::tallies::{Behind, Tallies};
use crate::heads::{Heads, Marks};
use crate::store::{Counted, UsageStore};

/// How far behind the count of a workspace with a quota is.
const TICK: Duration = Duration::from_millis(400);
/// Where nobody has a quota, counting is not urgent: every 75th tick, half a minute. Who sets one then
/// finds the month counted but for the last of it.
const LAZY_TICKS: u64 = 75;
/// Entries of one step: a transaction on SQLite holds the only writer.
const STEP: i64 = 20_000;

pub(crate) struct Usage {
    store: UsageStore,
    values: Arc<DimensionValues>,
    heads: Heads,
    tallies: Tallies,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    cursors: Marks,
}

impl Usage {
    pub(crate) fn new(
        db: &Db,
        (heads, tallies): (Heads, Tallies),
        limits: &Limits,
        ctx: &Context,
    ) -> Self {
        Self {
            store: UsageStore(db.clone()),
            values: Arc::clone(&limits.values),
            heads,
            tallies,
            clock: Arc::clone(&ctx.clock),
            stop: ctx.stop.clone(),
            cursors: Marks::default(),
        }
    }

    /// Counts until the service stops.
    pub(crate) async fn run(mut self) {
        let (mut ticks, mut failing) = (0, false);
        loop {
            match self.tick(ticks).await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    tracing::warn!(
                        error = fault::chain(&error),
                        "usage is not counted, trying again"
                    );
                    failing = true;
                }
                Err(_) => {}
            }
            ticks += 1;
            let next = self.clock.now().plus(TICK);
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = self.clock.sleep_until(next) => {}
            }
        }
        if let Err(error) = self.values.keep().await {
            tracing::debug!(error = fault::chain(&error), "new values are not kept");
        }
    }

    async fn tick(&mut self, ticks: u64) -> Result<(), db::Error> {
        self.values.keep().await?;
        if ticks == 0 {
            let cursors = self.store.cursors().await?;
            self.cursors.raise(cursors);
        }
        let due: BTreeSet<Partition> = if ticks.is_multiple_of(LAZY_TICKS) {
            Partition::all().collect()
        } else {
            self.store.metered().await?
        };
        for partition in due {
            self.catch_up(partition).await?;
        }
        Ok(())
    }

    async fn catch_up(&mut self, partition: Partition) -> Result<(), db::Error> {
        let head = self.heads.now().of(partition);
        while self.cursors.of(partition) < head && !self.stop.is_cancelled() {
            let from = Position { partition, seq: self.cursors.of(partition) };
            let counted = match self.tallies.take(from, head) {
                Behind::Tallied { to, events } => self.store.add(from, to, events).await?,
                Behind::Unknown { to } => self.store.count(from, to.min(from.seq + STEP)).await?,
            };
            let (Counted::To(seq) | Counted::Elsewhere(seq)) = counted;
            self.cursors.raise([Position { partition, seq }]);
            if counted == Counted::Elsewhere(seq) {
                // The one who counts goes on; two would only take turns failing.
                break;
            }
            // A month to catch up with takes a while.
            self.values.keep().await?;
        }
        Ok(())
    }
}
