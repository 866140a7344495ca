//! Consuming the ledger: a batch becomes deltas, and deltas and cursor move together.

use std::sync::Arc;

use async_trait::async_trait;
use tail::{Batch, Checkpoint, Consumer};

use crate::domain::fold;
use crate::ledger;
use crate::store::Store;

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

    async fn apply(&self, batch: &Batch, checkpoint: Checkpoint) -> Result<(), tail::Error> {
        let mut steps = Vec::with_capacity(batch.entries.len());
        for entry in &batch.entries {
            match ledger::step(entry) {
                Ok(step) => steps.extend(step),
                // One broken entry must not stop every workspace of its partition.
                Err(error) => {
                    tracing::error!(%error, event = %entry.event_id(), "entry left out of the reports");
                }
            }
        }
        self.store.apply(batch.partition, fold(steps), Box::new(checkpoint)).await
    }
}
