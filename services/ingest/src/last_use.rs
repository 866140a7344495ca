//! When keys were last used: noted behind the calls, once a minute a key.

use std::future::Future;
use std::time::Duration;

use kernel::Timestamp;
use tokio::sync::mpsc;

use crate::domain::{KeyId, KeyRecord};
use crate::store::AccessStore;

/// How exactly a last use is known.
const EVERY: Duration = Duration::from_secs(60);
/// Notes that wait for the database. More are dropped: the next use makes another.
const WAITING_MAX: usize = 1_024;

/// Takes notes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LastUse(mpsc::Sender<(KeyId, Timestamp)>);

impl LastUse {
    /// The taker of notes, and the loop that writes them, which ends with the last taker.
    pub(crate) fn new(store: AccessStore) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, notes) = mpsc::channel(WAITING_MAX);
        (Self(sender), write(store, notes))
    }

    /// Whether a use at `now` is worth a note.
    pub(crate) fn is_due(key: &KeyRecord, now: Timestamp) -> bool {
        key.last_used.is_none_or(|at| now >= at.plus(EVERY))
    }

    /// Notes a use. Never waits.
    pub(crate) fn note(&self, id: KeyId, at: Timestamp) {
        let _ = self.0.try_send((id, at));
    }
}

async fn write(store: AccessStore, mut notes: mpsc::Receiver<(KeyId, Timestamp)>) {
    while let Some((id, at)) = notes.recv().await {
        if let Err(error) = store.note_use(id, at, EVERY).await {
            // Calls fail loudly enough when the database is away.
            tracing::debug!(error = fault::chain(&error), key = %id, "its use was not noted");
        }
    }
}
