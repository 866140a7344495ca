//! Workspaces' catalogs in memory, never older than the log.
//!
//! A reader asks the log how far it is, which is one look-up, and reads what came since: so an answer
//! costs the same with ten thousand versions as with ten, and another replica's change is seen at once.

use std::sync::Arc;

use kernel::WorkspaceId;
use moka::future::Cache;

use crate::domain::Catalog;
use crate::store::{Error, Store};

/// Versions kept in memory, of all workspaces: some hundred megabytes of most kinds; an intent at all its
/// limits weighs 22 KB.
const VERSIONS_MAX: u64 = 200_000;

/// A catalog, and how far in the log it goes.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) catalog: Arc<Catalog>,
    /// Seq of the workspace's last change.
    pub(crate) last: i64,
    /// Seq up to which the partition was read.
    head: i64,
    versions: u32,
}

pub(crate) struct Snapshots(Cache<WorkspaceId, Arc<Snapshot>>);

impl Snapshots {
    pub(crate) fn new() -> Self {
        // One more than its versions: an empty catalog takes room too.
        let weigher =
            |_: &WorkspaceId, snapshot: &Arc<Snapshot>| snapshot.versions.saturating_add(1);
        Self(Cache::builder().max_capacity(VERSIONS_MAX).weigher(weigher).build())
    }

    /// Everything committed before the call.
    pub(crate) async fn of(
        &self,
        workspace: WorkspaceId,
        store: &Store,
    ) -> Result<Arc<Snapshot>, Error> {
        // First: what is kept never reaches past a head that is asked for afterwards.
        let known = self.0.get(&workspace).await;
        let head = store.head(workspace.partition()).await?;
        if let Some(known) = known.as_ref().filter(|known| known.head == head) {
            return Ok(Arc::clone(known));
        }
        // A log that went back was restored from an older copy: what we know may not be in it.
        let known = known.filter(|known| known.head < head);
        let after = known.as_ref().map_or(0, |known| known.head);
        let news = store.changes(workspace, after).await?;
        let last = news.last().map(|change| change.position.seq);
        let versions = u32::try_from(news.len()).unwrap_or(u32::MAX);
        let (mut catalog, before, seen) = known.map_or_else(
            || (Arc::default(), 0, 0),
            |known| (Arc::clone(&known.catalog), known.versions, known.last),
        );
        if !news.is_empty() {
            let learning = Arc::make_mut(&mut catalog);
            for change in news {
                learning.learn(change.value, change.version);
            }
        }
        let snapshot = Arc::new(Snapshot {
            catalog,
            last: last.unwrap_or(seen),
            // What was read may reach past the head that was asked for first.
            head: head.max(last.unwrap_or(0)),
            versions: before.saturating_add(versions),
        });
        self.0.insert(workspace, Arc::clone(&snapshot)).await;
        Ok(snapshot)
    }
}
