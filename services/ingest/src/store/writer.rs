//! The ledger, for appending.

use std::collections::BTreeSet;
use std::sync::Arc;

use db::Db;
use kernel::{Partition, Position, Timestamp, WorkspaceId};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::append::{
    Appended, Expect, NewEntry, append_indexed, append_known, find_indexed, find_known,
};
use super::keys::KnownKeys;
use crate::domain::Fingerprint;
use crate::domain::key_run::Sizes;

/// Appends to the ledger. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub(crate) struct LedgerWriter {
    db: Db,
    keys: Keys,
}

/// What tells which keys are used.
#[derive(Clone)]
enum Keys {
    /// An index of the database's.
    Indexed,
    /// Sorted runs, where there is one writer. It is held from before a transaction to behind its commit.
    Known {
        keys: Arc<Mutex<KnownKeys>>,
        /// Whoever only asks takes this first, so that an append waits behind one question, never behind a
        /// queue of them.
        asking: Arc<Mutex<()>>,
    },
}

impl LedgerWriter {
    pub(crate) fn new(db: Db) -> Self {
        Self::with_sizes(db, Sizes::USUAL)
    }

    pub(super) fn with_sizes(db: Db, sizes: Sizes) -> Self {
        let keys = if db.shares_commits() {
            let keys = Arc::new(Mutex::new(KnownKeys::new(sizes)));
            Keys::Known { keys, asking: Arc::default() }
        } else {
            Keys::Indexed
        };
        Self { db, keys }
    }

    /// Gets to know the keys there are, so that the first append need not. A ledger from before there were
    /// runs gets its runs, which takes 4 s a million entries. It ends early when the service stops.
    pub(crate) async fn read_keys(&self, stop: &CancellationToken) -> Result<(), db::Error> {
        let Keys::Known { keys, .. } = &self.keys else { return Ok(()) };
        let mut told = false;
        for partition in Partition::all() {
            let mut at_head = false;
            while !at_head && !stop.is_cancelled() {
                let mut known = Arc::clone(keys).lock_owned().await;
                let (mut known, reached, added) = self
                    .db
                    .write_rows(move |txn| {
                        Box::pin(async move {
                            let (reached, added) = known.read_part(txn, partition).await?;
                            Ok::<_, db::Error>((known, reached, added))
                        })
                    })
                    .await?;
                known.committed(added);
                at_head = reached;
                if !at_head && !std::mem::replace(&mut told, true) {
                    tracing::info!("reading the keys of the whole ledger, once");
                }
            }
        }
        Ok(())
    }

    /// Appends `entries`, answering for each at its index, and tells the partitions' new heads. `Ok` means
    /// that they are on disk.
    pub(crate) async fn append(
        &self,
        entries: Arc<[NewEntry]>,
        recorded: Timestamp,
        expect: Expect,
    ) -> Result<(Vec<Appended>, Vec<Position>), db::Error> {
        match (&self.keys, expect) {
            (Keys::Known { keys, .. }, _) => {
                let mut known = Arc::clone(keys).lock_owned().await;
                let (answers, heads, added, mut known) = self
                    .db
                    .write_rows(move |txn| {
                        Box::pin(async move {
                            let (answers, heads, added) =
                                append_known(txn, &entries, recorded, &mut known).await?;
                            Ok::<_, db::Error>((answers, heads, added, known))
                        })
                    })
                    .await?;
                known.committed(added);
                Ok((answers, heads))
            }
            (Keys::Indexed, Expect::Repeats) => self.indexed(entries, recorded, expect).await,
            (Keys::Indexed, Expect::NewEntries) => {
                match self.indexed(Arc::clone(&entries), recorded, expect).await {
                    Err(db::Error::Conflict(_)) => {
                        self.indexed(entries, recorded, Expect::Repeats).await
                    }
                    appended => appended,
                }
            }
        }
    }

    async fn indexed(
        &self,
        entries: Arc<[NewEntry]>,
        recorded: Timestamp,
        expect: Expect,
    ) -> Result<(Vec<Appended>, Vec<Position>), db::Error> {
        self.db
            .write_rows(move |txn| {
                Box::pin(async move { append_indexed(txn, &entries, recorded, expect).await })
            })
            .await
    }

    /// Whether an entry of `workspace` stands under every one of `keys`.
    pub(crate) async fn all_stand(
        &self,
        workspace: WorkspaceId,
        keys: BTreeSet<Fingerprint>,
    ) -> Result<bool, db::Error> {
        let partition = workspace.partition();
        let known = match &self.keys {
            Keys::Indexed => None,
            Keys::Known { keys, asking } => {
                Some((Arc::clone(asking).lock_owned().await, Arc::clone(keys)))
            }
        };
        self.db
            .read_rows(move |txn| {
                Box::pin(async move {
                    let asked = keys.iter().map(|key| (partition, *key));
                    let stand = match known {
                        None => find_indexed(txn, asked).await?,
                        // The connection is there already: no append waits for one.
                        Some((_turn, known)) => {
                            let known = &mut *known.lock().await;
                            find_known(txn, known, [partition].into(), asked).await?
                        }
                    };
                    Ok(keys.iter().all(|key| stand.contains_key(&(partition.get(), *key))))
                })
            })
            .await
    }
}
