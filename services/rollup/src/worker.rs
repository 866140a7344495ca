//! Consuming the ledger: a batch becomes facts, and what they add and the cursor move together.

use std::sync::Arc;

use async_trait::async_trait;
use tail::{Batch, Checkpoint, Consumer};

use crate::ledger;
use crate::store::Store;

/// Entries taken together while a backlog is consumed: many of a partition fall into few cells.
const ENTRIES: usize = 16_384;
/// Entries of one transaction: it holds the writer for some 0.2 s.
const PORTION: usize = 8_192;
/// Partitions applied at once: on SQLite they share a wait for the disk, on PostgreSQL they wait for its
/// answers together. More would keep the writers' connections from everybody else.
const PARTITIONS: usize = 8;

/// Folds batches into cells.
pub(crate) struct Folding {
    store: Arc<dyn Store>,
}

impl Folding {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
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
        PARTITIONS
    }

    async fn apply(&self, batch: &Batch, checkpoint: Checkpoint) -> Result<(), tail::Error> {
        self.store.apply(batch.partition, ledger::facts(batch), Box::new(checkpoint)).await
    }
}
