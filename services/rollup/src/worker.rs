//! Consuming the ledger: a batch becomes facts, and what they add and the cursor move together.

use std::sync::Arc;

use async_trait::async_trait;
use tail::{Batch, Checkpoint, Consumer};

use crate::ledger;
use crate::store::{Part, Store};

/// Entries taken together while a backlog is consumed: many of a partition fall into few cells.
const ENTRIES: usize = 16_384;
/// Entries of one transaction: it holds the writer for some 0.2 s.
const PORTION: usize = 8_192;
/// Partitions applied at once. On PostgreSQL they wait for its answers together; more would keep the
/// writers' connections from everybody else.
const PARTITIONS: usize = 8;
/// On SQLite those that wait are written together: all of them, since while a commit was eight of fifty busy
/// ones an event waited for seven commits.
const PARTITIONS_SHARING: usize = kernel::PARTITIONS as usize;

/// Folds batches into cells.
pub(crate) struct Folding {
    store: Arc<dyn Store>,
    /// Whether writes that wait share a commit.
    sharing: bool,
}

impl Folding {
    pub(crate) fn new(store: Arc<dyn Store>, sharing: bool) -> Self {
        Self { store, sharing }
    }
}

#[async_trait]
impl Consumer for Folding {
    fn name(&self) -> &'static str {
        "rollup"
    }

    fn appetite(&self) -> usize {
        ENTRIES
    }

    async fn portion(&self, batch: &Batch) -> Result<usize, tail::Error> {
        Ok(batch.entries.len().min(PORTION))
    }

    fn abreast(&self) -> usize {
        if self.sharing { PARTITIONS_SHARING } else { PARTITIONS }
    }

    async fn apply(&self, batch: Batch, checkpoint: Checkpoint) -> Result<(), tail::Error> {
        let partition = batch.partition;
        let (facts, cursor) = (ledger::facts(batch), Box::new(checkpoint));
        self.store.apply(Part { partition, facts, cursor }).await
    }
}
