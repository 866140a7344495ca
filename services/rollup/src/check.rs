//! Holding the cells against themselves, and against the ledger.

use std::sync::Arc;

use fault::{ErrorReason, Fault};
use kernel::Position;
use tail::Replayer;

use crate::app::{Stated, unread};
use crate::digest;
use crate::domain::{self, Check, Grain, Level, Query, Recount, Tally};
use crate::ledger;
use crate::store::Store;

/// Tickets looked up at a time.
const TICKETS: usize = 10_000;

/// Checks over a store and the ledger.
pub(crate) struct Checker {
    store: Arc<dyn Store>,
    ledger: Replayer,
}

/// What was held against what.
pub(crate) struct Conservation {
    pub(crate) checks: Vec<Check>,
    /// Over all cells of the window, filters aside.
    pub(crate) seal: String,
    pub(crate) total: Tally,
}

/// Whether the ledger is read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Against {
    Cells,
    Ledger,
}

impl Checker {
    pub(crate) fn new(store: Arc<dyn Store>, ledger: Replayer) -> Self {
        Self { store, ledger }
    }

    pub(crate) async fn check(
        &self,
        query: &Query,
        against: Against,
    ) -> Result<Stated<Conservation>, Fault> {
        let reading = self.store.every(query.workspace, &query.window).await.map_err(unread)?;
        let held = reading.cells;
        let mut checks = domain::checks(query, &held);
        if against == Against::Ledger {
            // Up to the position of the cells: what came later is in neither.
            let recount = self.recount(query, reading.as_of).await?;
            let numbers = self.numbers(query, recount.tickets()).await?;
            checks.extend(domain::recounted(query, &held, &recount.held(&numbers)));
        }
        let quarters =
            held.iter().filter(|held| (held.grain, held.level) == (Grain::Full, Level::Quarter));
        let cells: Vec<_> = quarters.map(domain::Held::cell).collect();
        let total = domain::overview(query, &cells);
        let report = Conservation { checks, seal: digest::seal(&held), total };
        Ok(Stated { as_of: reading.as_of, report, restated: None })
    }

    async fn recount(&self, query: &Query, as_of: Position) -> Result<Recount, Fault> {
        let mut recount = Recount::new(query.workspace, query.window);
        let mut replay =
            self.ledger.open(as_of.partition, (0, as_of.seq)).await.map_err(uncounted)?;
        while let Some(batch) = replay.next().await.map_err(uncounted)? {
            recount.take(ledger::facts(batch));
        }
        Ok(recount)
    }

    /// A ticket that the store does not know has no number, and is found to differ.
    async fn numbers(&self, query: &Query, tickets: Vec<String>) -> Result<Vec<u32>, Fault> {
        let mut numbers = Vec::with_capacity(tickets.len());
        for part in tickets.chunks(TICKETS) {
            let known = self.store.numbers(query.workspace, part.to_vec()).await.map_err(unread)?;
            numbers.extend(known.into_iter().map(|number| number.unwrap_or(u32::MAX)));
        }
        Ok(numbers)
    }
}

fn uncounted(error: tail::Error) -> Fault {
    match error {
        tail::Error::Ledger(_) => {
            let message = "the ledger cannot be read now; call again";
            Fault::unavailable(ErrorReason::DependencyUnavailable, message)
                .with("service", "ingest")
                .because(error)
        }
        tail::Error::Fenced(_)
        | tail::Error::Store(_)
        | tail::Error::Corrupt { .. }
        | tail::Error::Consumer(_) => {
            Fault::internal("the ledger could not be counted").because(error)
        }
    }
}
