//! Values of dimensions: known here, kept in the database a moment later.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use kernel::WorkspaceId;

use crate::domain::Dimension;
use crate::domain::dimensions::{ValueDigest, Values};
use crate::store::DimensionStore;

/// Values known at once, of all workspaces: about 32 MiB. Past it those that are kept are forgotten, and
/// read again when they are needed.
const VALUES_MAX: usize = 1_000_000;

pub(crate) struct DimensionValues {
    store: DimensionStore,
    known: Mutex<HashMap<WorkspaceId, Arc<RwLock<Values>>>>,
}

impl DimensionValues {
    pub(crate) fn new(store: DimensionStore) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// The values of a workspace, read when it is first seen.
    pub(crate) async fn of(&self, id: WorkspaceId) -> Result<Arc<RwLock<Values>>, db::Error> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut values = Values::default();
        values.learn(Box::pin(self.store.load(id)).await?);
        match self.known.lock().unwrap_or_else(PoisonError::into_inner).entry(id) {
            // Somebody was quicker, and may have added to it.
            Entry::Occupied(known) => Ok(Arc::clone(known.get())),
            Entry::Vacant(place) => Ok(Arc::clone(place.insert(Arc::new(RwLock::new(values))))),
        }
    }

    /// Keeps what is new, and learns what other replicas kept of the same workspaces.
    pub(crate) async fn keep(&self) -> Result<(), db::Error> {
        let all: Vec<_> = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.iter().map(|(id, values)| (*id, Arc::clone(values))).collect()
        };
        let mut total = 0;
        for (id, values) in all {
            total += read(&values).len();
            if read(&values).is_kept() {
                continue;
            }
            let fresh = write(&values).take_fresh();
            if let Err(error) = self.store.keep(id, fresh.clone()).await {
                write(&values).put_back(fresh);
                return Err(error);
            }
            let kept = self.store.load(id).await?;
            write(&values).learn(kept);
        }
        if total > VALUES_MAX {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            // One in a caller's hands may be about to learn a value that would be lost.
            known.retain(|_, values| Arc::strong_count(values) > 1 || !read(values).is_kept());
        }
        Ok(())
    }
}

/// Whether a value has a name of its own; one that is new gets one while there is room.
pub(crate) fn has_name(
    values: &RwLock<Values>,
    dimension: Dimension,
    text: &str,
    max: u32,
) -> bool {
    let value = ValueDigest::of(text);
    // Nearly every value was seen before: many readers at once.
    let known = read(values).knows(dimension, value);
    known || write(values).admit(dimension, value, max)
}

fn read(values: &RwLock<Values>) -> std::sync::RwLockReadGuard<'_, Values> {
    values.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(values: &RwLock<Values>) -> std::sync::RwLockWriteGuard<'_, Values> {
    values.write().unwrap_or_else(PoisonError::into_inner)
}
