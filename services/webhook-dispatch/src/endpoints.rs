//! The endpoints of each partition, kept in memory.
//!
//! A copy may be a second old. That costs no endpoint an event: a batch is written only if the version
//! it was planned with still holds in the same transaction, and is planned again otherwise.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{Clock, Partition, Timestamp, WorkspaceId};

use crate::domain::{Endpoint, EndpointId};
use crate::store::{Error, Roster, Store};

/// After this a copy is read again, so that what another replica wrote takes effect here.
const FRESH: Duration = Duration::from_secs(1);

/// Copies of what the store has; at most one a partition.
pub(crate) struct Endpoints {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    copies: Mutex<HashMap<Partition, (Timestamp, Arc<Known>)>>,
}

/// The enabled endpoints of one partition at one moment.
#[derive(Debug)]
pub(crate) struct Known {
    /// The version this copy is of.
    pub(crate) version: i64,
    by_workspace: HashMap<WorkspaceId, Vec<Arc<Endpoint>>>,
}

impl Known {
    fn new(roster: Roster) -> Self {
        let mut by_workspace: HashMap<WorkspaceId, Vec<Arc<Endpoint>>> = HashMap::new();
        for endpoint in roster.endpoints {
            by_workspace.entry(endpoint.workspace).or_default().push(Arc::new(endpoint));
        }
        Self { version: roster.version, by_workspace }
    }

    /// The workspace's.
    pub(crate) fn of(&self, workspace: WorkspaceId) -> &[Arc<Endpoint>] {
        self.by_workspace.get(&workspace).map_or(&[], Vec::as_slice)
    }

    fn find(&self, workspace: WorkspaceId, id: EndpointId) -> Option<Arc<Endpoint>> {
        self.of(workspace).iter().find(|endpoint| endpoint.id == id).map(Arc::clone)
    }
}

impl Endpoints {
    /// Nothing is read yet.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, copies: Mutex::default() }
    }

    /// The endpoints of a partition, at most a second old.
    pub(crate) async fn of(&self, partition: Partition) -> Result<Arc<Known>, Error> {
        let now = self.clock.now();
        if let Some((read, known)) = self.copy(partition)
            && now.since(read) < FRESH
            && read <= now
        {
            return Ok(known);
        }
        self.read(partition, now).await
    }

    /// An enabled endpoint; the store has the last word on one that is missing.
    pub(crate) async fn find(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
    ) -> Result<Option<Arc<Endpoint>>, Error> {
        let partition = workspace.partition();
        if let Some(found) = self.of(partition).await?.find(workspace, id) {
            return Ok(Some(found));
        }
        let known = self.read(partition, self.clock.now()).await?;
        Ok(known.find(workspace, id))
    }

    /// Something was written: the next look reads again.
    pub(crate) fn forget(&self, partition: Partition) {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner).remove(&partition);
    }

    async fn read(&self, partition: Partition, now: Timestamp) -> Result<Arc<Known>, Error> {
        let known = Arc::new(Known::new(self.store.roster(partition).await?));
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        copies.insert(partition, (now, Arc::clone(&known)));
        Ok(known)
    }

    fn copy(&self, partition: Partition) -> Option<(Timestamp, Arc<Known>)> {
        let copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        copies.get(&partition).map(|(read, known)| (*read, Arc::clone(known)))
    }
}
