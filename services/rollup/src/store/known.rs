//! Dimension sets this replica has seen in the database: they are written once, never change and never go,
//! so that those need not be written or read again.

use std::sync::Arc;

use kernel::WorkspaceId;
use moka::future::Cache;

use crate::digest::Digest;
use crate::domain::Dimensions;

/// Some 20 MiB of sets.
const SETS_MAX: u64 = 32_768;

/// Cheap to clone; clones share what they know.
#[derive(Clone)]
pub(super) struct Known(Cache<(WorkspaceId, Digest), Arc<Dimensions>>);

impl Known {
    pub(super) fn new() -> Self {
        Self(Cache::new(SETS_MAX))
    }

    pub(super) async fn get(
        &self,
        workspace: WorkspaceId,
        name: &Digest,
    ) -> Option<Arc<Dimensions>> {
        self.0.get(&(workspace, *name)).await
    }

    /// To be told only of what is committed.
    pub(super) async fn learn(&self, workspace: WorkspaceId, name: Digest, set: Arc<Dimensions>) {
        self.0.insert((workspace, name), set).await;
    }
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("sets", &self.0.entry_count()).finish()
    }
}
