//! The ledger, for appending.

use std::collections::BTreeSet;
use std::sync::Arc;

use db::Db;
use kernel::{Partition, Position, Timestamp, WorkspaceId};
use tokio::sync::Mutex;

use super::append::{
    Appended, Expect, NewEntry, append_indexed, append_known, find_indexed, find_known,
};
use super::keys::KnownKeys;
use crate::domain::Fingerprint;
use crate::domain::key_run::Sizes;

/// Entries that are read of a partition at once when it is first got to know.
const PART: i64 = 65_536;

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
    Known(Arc<Mutex<KnownKeys>>),
}

impl LedgerWriter {
    pub(crate) fn new(db: Db) -> Self {
        Self::with_sizes(db, Sizes::USUAL)
    }

    pub(super) fn with_sizes(db: Db, sizes: Sizes) -> Self {
        let known = || Keys::Known(Arc::new(Mutex::new(KnownKeys::new(sizes))));
        let keys = if db.shares_commits() { known() } else { Keys::Indexed };
        Self { db, keys }
    }

    /// Gets to know the keys there are, so that the first append need not. A ledger from before there were
    /// runs gets its runs.
    pub(crate) async fn read_keys(&self) -> Result<(), db::Error> {
        let Keys::Known(known) = &self.keys else { return Ok(()) };
        for partition in Partition::all() {
            let mut at_head = false;
            while !at_head {
                let mut known = Arc::clone(known).lock_owned().await;
                let (mut known, added) = self
                    .db
                    .write_rows(move |txn| {
                        Box::pin(async move {
                            let (reached, added) = known.read_part(txn, partition, PART).await?;
                            Ok::<_, db::Error>((known, (reached, added)))
                        })
                    })
                    .await?;
                known.committed(added.1);
                at_head = added.0;
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
            (Keys::Known(known), _) => {
                let mut known = Arc::clone(known).lock_owned().await;
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
        let mut known = match &self.keys {
            Keys::Indexed => None,
            Keys::Known(known) => Some(Arc::clone(known).lock_owned().await),
        };
        self.db
            .read_rows(move |txn| {
                Box::pin(async move {
                    let asked = keys.iter().map(|key| (partition, *key));
                    let stand = match &mut known {
                        None => find_indexed(txn, asked).await?,
                        Some(known) => find_known(txn, known, [partition].into(), asked).await?,
                    };
                    Ok(keys.iter().all(|key| stand.contains_key(&(partition.get(), *key))))
                })
            })
            .await
    }
}
