//! The ledger, for appending.

use std::collections::BTreeSet;
use std::sync::Arc;

use db::Db;
use kernel::{Partition, Position, Timestamp, WorkspaceId};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::append::{Appended, NewEntry, append, find};
use super::keys::KnownKeys;
use super::log_head;
use crate::domain::Fingerprint;
use crate::domain::key_run::Sizes;

/// Appends to the ledger. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub(crate) struct LedgerWriter {
    db: Db,
    keys: KnownKeys,
    /// Whoever only asks takes this first, so that an append waits behind one question, never behind a
    /// queue of them.
    asking: Arc<Mutex<()>>,
}

impl LedgerWriter {
    pub(crate) fn new(db: Db) -> Self {
        Self::with_sizes(db, Sizes::USUAL)
    }

    pub(super) fn with_sizes(db: Db, sizes: Sizes) -> Self {
        Self { db, keys: KnownKeys::new(sizes), asking: Arc::default() }
    }

    /// Gets to know the keys there are, so that the first append need not. A ledger from before there were
    /// runs gets its runs, which takes 4 s a million entries. It ends early when the service stops.
    pub(crate) async fn read_keys(&self, stop: &CancellationToken) -> Result<(), db::Error> {
        let all: Vec<Partition> = Partition::all().collect();
        let heads =
            self.db.read_rows(move |txn| Box::pin(async move { log_head::read(txn, &all).await }));
        let mut told = false;
        for Position { partition, seq } in heads.await? {
            let mut at_head = seq == 0;
            while !at_head && !stop.is_cancelled() {
                let mut known = self.keys.hold([partition].into()).await;
                let (mut known, reached, added) = self
                    .db
                    .write_rows(move |txn| {
                        Box::pin(async move {
                            // By nothing: it locks the head, as an append does.
                            let heads = log_head::advance(txn, &[(partition, 0)].into()).await?;
                            let (reached, added) = known.read_part(txn, &heads).await?;
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
    ) -> Result<(Vec<Appended>, Vec<Position>), db::Error> {
        let mut known = self.keys.hold(entries.iter().map(|entry| entry.partition).collect()).await;
        let (answers, heads, added, mut known) = self
            .db
            .write_rows(move |txn| {
                Box::pin(async move {
                    let (answers, heads, added) =
                        append(txn, &entries, recorded, &mut known).await?;
                    Ok::<_, db::Error>((answers, heads, added, known))
                })
            })
            .await?;
        known.committed(added);
        Ok((answers, heads))
    }

    /// Whether an entry of `workspace` stands under every one of `keys`.
    pub(crate) async fn all_stand(
        &self,
        workspace: WorkspaceId,
        keys: BTreeSet<Fingerprint>,
    ) -> Result<bool, db::Error> {
        let partition = workspace.partition();
        let turn = Arc::clone(&self.asking).lock_owned().await;
        let known = self.keys.clone();
        self.db
            .read_rows(move |txn| {
                Box::pin(async move {
                    let _turn = turn;
                    let asked: Vec<_> = keys.iter().map(|key| (partition, *key)).collect();
                    // The connection is there already: no append waits for one. It is idle meanwhile,
                    // for 10 s at most on PostgreSQL; then the caller is told to try again.
                    let mut known = known.hold([partition].into()).await;
                    let heads = log_head::read(txn, &[partition]).await?;
                    let stand = find(txn, &mut known, &heads, &asked).await?;
                    Ok(keys.iter().all(|key| stand.contains_key(&(partition.get(), *key))))
                })
            })
            .await
    }
}
