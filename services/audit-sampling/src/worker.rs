//! Consuming the ledger: every completed task is drawn or not, once.

use async_trait::async_trait;
use tail::{Batch, Checkpoint, Consumer};

use crate::domain::{DEFAULT_PLAN, Secret, draw};
use crate::store::Store;
use crate::{NAME, grpc};

/// Draws samples from the ledger.
pub(crate) struct Sampler {
    store: Store,
    secret: Secret,
}

impl Sampler {
    pub(crate) fn new(store: Store, secret: Secret) -> Self {
        Self { store, secret }
    }
}

#[async_trait]
impl Consumer for Sampler {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn apply(&self, batch: Batch, checkpoint: Checkpoint) -> Result<(), tail::Error> {
        let steps: Vec<_> = batch.entries.iter().filter_map(grpc::step).collect();
        let drawn = draw(&self.secret, &DEFAULT_PLAN, steps);
        self.store.record(&DEFAULT_PLAN, drawn, checkpoint).await
    }
}
