//! The catalog in memory: learnt from the database at the start, from the stream afterwards.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use kernel::{Partition, Position};
use tokio::sync::watch;

use crate::domain::{Catalog, Change};
use crate::heads::Marks;

/// What stamps events. Readers hold the lock for one look-up.
pub(crate) struct CatalogCopy {
    known: RwLock<Known>,
    reached: watch::Sender<Marks>,
    loaded: watch::Sender<bool>,
}

#[derive(Default)]
struct Known {
    catalog: Catalog,
    /// After a restart: the other catalog, as far as it has come.
    coming: Option<Catalog>,
}

impl CatalogCopy {
    pub(crate) fn new() -> Self {
        Self {
            known: RwLock::default(),
            reached: watch::Sender::new(Marks::default()),
            loaded: watch::Sender::new(false),
        }
    }

    /// Looks something up. Do not block in `look`.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Catalog) -> T) -> T {
        // A panic while learning leaves whole changes behind, never half of one.
        look(&self.known.read().unwrap_or_else(PoisonError::into_inner).catalog)
    }

    /// Takes in changes in the order of their log; built-ins replace the built-ins known before, and end
    /// a snapshot.
    pub(crate) fn learn(
        &self,
        changes: Vec<(Option<Position>, Option<Change>)>,
        new_built_ins: bool,
    ) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let Known { catalog, coming } = &mut *known;
        let learner = coming.as_mut().unwrap_or(&mut *catalog);
        if new_built_ins {
            learner.forget_built_ins();
        }
        let mut positions = Vec::new();
        for (position, change) in changes {
            positions.extend(position);
            // Kinds ingest has no use for still move the version on.
            if let Some(change) = change {
                learner.learn(change);
            }
        }
        if new_built_ins && let Some(whole) = coming.take() {
            *catalog = whole;
        }
        let loaded = catalog.is_usable();
        drop(known);
        self.reach(positions);
        self.loaded.send_if_modified(|was| std::mem::replace(was, loaded) != loaded);
    }

    /// Begins again: the catalog is another one than was copied. Until it has come, the old copy values.
    pub(crate) fn restart(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).coming =
            Some(Catalog::default());
        self.reached.send_replace(Marks::default());
    }

    /// Notes that everything up to these positions is known.
    pub(crate) fn reach(&self, positions: impl IntoIterator<Item = Position>) {
        self.reached.send_if_modified(|reached| reached.raise(positions));
    }

    /// Last position known of every partition: where the stream goes on.
    pub(crate) fn cursors(&self) -> Vec<Position> {
        let reached = *self.reached.borrow();
        let all =
            Partition::all().map(|partition| Position { partition, seq: reached.of(partition) });
        all.filter(|position| position.seq > 0).collect()
    }

    /// Waits until a version is known; says whether it is.
    pub(crate) async fn reaches(&self, version: Position, patience: Duration) -> bool {
        let mut reached = self.reached.subscribe();
        let wait = reached.wait_for(|marks| marks.of(version.partition) >= version.seq);
        tokio::time::timeout(patience, wait).await.is_ok_and(|known| known.is_ok())
    }

    /// Whether events can be valued at all.
    pub(crate) fn loaded(&self) -> watch::Receiver<bool> {
        self.loaded.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Fact;
    use kernel::{Currency, Timestamp, WorkspaceId};

    fn rate(owner: Option<WorkspaceId>, micros: i64) -> (Option<Position>, Option<Change>) {
        let fact = Fact::Rate { agent_id: String::new(), rate: Some((micros, Currency::EUR)) };
        let (effective, version) = (Timestamp::EPOCH, "v".to_owned());
        (None, Some(Change { owner, effective, version, fact }))
    }

    #[test]
    fn another_catalog_replaces_the_copy_once_it_has_come_whole() {
        let workspace = WorkspaceId::new(1).unwrap();
        let copy = CatalogCopy::new();
        let hour = || copy.read(|c| c.rate(workspace, "", Timestamp::EPOCH).micros_per_hour);
        copy.learn(vec![rate(Some(workspace), 85)], false);
        assert!(!*copy.loaded().borrow(), "without built-ins nothing can be valued");
        copy.learn(vec![rate(None, 45)], true);
        assert_eq!((hour(), *copy.loaded().borrow()), (85, true));
        copy.restart();
        copy.learn(vec![rate(Some(workspace), 90)], false);
        assert_eq!(hour(), 85, "until it has come, the old copy values");
        copy.restart();
        copy.learn(vec![rate(None, 50)], true);
        assert_eq!(hour(), 50, "what the other catalog does not say is forgotten");
    }
}
