//! The catalog in memory: learnt from the database at the start, from the stream afterwards.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use kernel::{PARTITIONS, Position};
use tokio::sync::watch;

use crate::domain::{Catalog, Change};
use crate::heads::index;

/// What stamps events. Readers hold the lock for one look-up.
pub(crate) struct CatalogCopy {
    catalog: RwLock<Catalog>,
    reached: watch::Sender<[i64; PARTITIONS as usize]>,
    loaded: watch::Sender<bool>,
}

impl CatalogCopy {
    pub(crate) fn new() -> Self {
        Self {
            catalog: RwLock::default(),
            reached: watch::Sender::new([0; PARTITIONS as usize]),
            loaded: watch::Sender::new(false),
        }
    }

    /// Looks something up. Do not block in `look`.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Catalog) -> T) -> T {
        // A panic while learning leaves whole changes behind, never half of one.
        look(&self.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in changes in the order of their log; built-ins replace the built-ins known before.
    pub(crate) fn learn(&self, changes: Vec<(Option<Position>, Option<Change>)>, new_built_ins: bool) {
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        if new_built_ins {
            catalog.forget_built_ins();
        }
        let mut positions = Vec::new();
        for (position, change) in changes {
            positions.extend(position);
            // Kinds ingest has no use for still move the version on.
            if let Some(change) = change {
                catalog.learn(change);
            }
        }
        let loaded = !catalog.is_empty();
        drop(catalog);
        self.reach(positions);
        self.loaded.send_if_modified(|was| std::mem::replace(was, loaded) != loaded);
    }

    /// Begins again: the catalog is another one than was copied. Until it has come, the old copy values.
    pub(crate) fn restart(&self) {
        self.reached.send_replace([0; PARTITIONS as usize]);
    }

    /// Notes that everything up to these positions is known.
    pub(crate) fn reach(&self, positions: impl IntoIterator<Item = Position>) {
        self.reached.send_modify(|reached| {
            for position in positions {
                let mark = &mut reached[index(position.partition)];
                *mark = position.seq.max(*mark);
            }
        });
    }

    /// Last position known of every partition: where the stream goes on.
    pub(crate) fn cursors(&self) -> Vec<Position> {
        let reached = *self.reached.borrow();
        let named = kernel::Partition::all().zip(reached);
        named.map(|(partition, seq)| Position { partition, seq }).filter(|p| p.seq > 0).collect()
    }

    /// Waits until a version is known; says whether it is.
    pub(crate) async fn reaches(&self, version: Position, patience: Duration) -> bool {
        let mut reached = self.reached.subscribe();
        let wait = reached.wait_for(|marks| marks[index(version.partition)] >= version.seq);
        tokio::time::timeout(patience, wait).await.is_ok_and(|known| known.is_ok())
    }

    /// Whether events can be valued at all.
    pub(crate) fn loaded(&self) -> watch::Receiver<bool> {
        self.loaded.subscribe()
    }
}
