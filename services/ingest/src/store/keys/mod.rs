//! Which keys are used. The database keeps no index of them.
//!
//! Keys are random, so each new one changes a page of its index for itself: with three million entries on
//! SQLite a batch cost three times what it did on an empty ledger, with ten million on PostgreSQL 1.6 times.
//! So keys lie in runs, sorted, merged by size and written once in a while; those since the last run are in
//! memory only and are read from the ledger by whoever does not know them.
//!
//! Who looks holds the head of the partition (or reads all at one moment), and first reads on from where he
//! knows it to where it is. So what he knows is right, whichever process appended. Whoever writes a run holds
//! the head too, and no two runs end with the same entry.

mod sql;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use db::bulk::Transaction;
use kernel::{Partition, Position};
use tokio::sync::{Mutex, OwnedMutexGuard};

use self::sql::BlockId;
use crate::domain::Fingerprint;
use crate::domain::key_run::{Run, Sizes, Use, seqs_of, uses};

/// What is known of the keys of all partitions. Cheap to clone; clones share it.
#[derive(Clone)]
pub(super) struct KnownKeys {
    sizes: Sizes,
    partitions: Arc<HashMap<Partition, Arc<Mutex<Known>>>>,
}

/// What is known of those of some, which nobody else asks or changes meanwhile.
pub(super) struct HeldKeys {
    sizes: Sizes,
    partitions: BTreeMap<Partition, OwnedMutexGuard<Known>>,
}

/// What is known of those of one.
#[derive(Default)]
struct Known {
    /// Oldest first; each begins where the one before ends. Another process may have merged them since: a
    /// block is missing then, and they are read again.
    runs: Vec<Run>,
    /// Those of the entries behind the last run, up to `head`.
    fresh: HashMap<Fingerprint, i64>,
    head: i64,
    /// The past of the server it was read from; see [`Transaction::past`].
    past: u64,
}

/// A key that an append has used.
pub(super) type Used = (Partition, Fingerprint, i64);

/// What a transaction has added. It is so when it has committed.
#[must_use]
pub(super) struct Added {
    used: Vec<Used>,
    heads: Vec<Position>,
    sealed: Vec<Sealed>,
}

/// A partition whose runs reach its head now.
struct Sealed {
    partition: Partition,
    /// How many of the runs before stand.
    kept: usize,
    run: Run,
}

impl Known {
    fn sealed(&self) -> i64 {
        self.runs.last().map_or(0, |run| run.last)
    }

    fn forget(&mut self) {
        *self = Self { past: self.past, ..Self::default() };
    }

    /// Reads the runs that are not known yet of a partition that ends at `head`; they reach to `sealed`. When
    /// either is less than was known, all is forgotten first.
    async fn read_runs(
        &mut self,
        txn: &mut Transaction,
        Position { partition, seq: head }: Position,
        sealed: i64,
    ) -> Result<(), db::Error> {
        if head < self.head || sealed < self.sealed() {
            // Somebody has put back an older ledger, or taken runs away.
            self.forget();
        }
        if sealed > head {
            return Err(corrupt(partition, sealed));
        }
        // Runs are merged only when one is added, so the last one tells of all.
        if self.sealed() == sealed {
            return Ok(());
        }
        let (kept, read) = runs_behind(txn, partition, &self.runs).await?;
        self.runs.truncate(kept);
        self.runs.extend(read);
        if self.sealed() != sealed {
            self.forget();
            return Err(corrupt(partition, sealed));
        }
        self.fresh.retain(|_, seq| *seq > sealed);
        self.head = self.head.max(sealed);
        Ok(())
    }
}

impl KnownKeys {
    /// Nothing yet.
    pub(super) fn new(sizes: Sizes) -> Self {
        let partitions = Partition::all().map(|partition| (partition, Arc::default())).collect();
        Self { sizes, partitions: Arc::new(partitions) }
    }

    /// Waits for its turn with `partitions`. An append has it from before its transaction to behind its
    /// commit.
    pub(super) async fn hold(&self, partitions: BTreeSet<Partition>) -> HeldKeys {
        let mut held = BTreeMap::new();
        // In order, so that no two wait for each other.
        for partition in partitions {
            let known = self.partitions.get(&partition).expect("all partitions are there");
            held.insert(partition, Arc::clone(known).lock_owned().await);
        }
        HeldKeys { sizes: self.sizes, partitions: held }
    }
}

impl HeldKeys {
    fn of(&self, partition: Partition) -> &Known {
        self.partitions.get(&partition).expect("whoever asks holds the partition")
    }

    fn of_mut(&mut self, partition: Partition) -> &mut Known {
        self.partitions.get_mut(&partition).expect("whoever asks holds the partition")
    }

    /// Where each of `keys` may have been used; it was if the entry there has it. `heads` are the ends of
    /// their partitions.
    pub(super) async fn find(
        &mut self,
        txn: &mut Transaction,
        heads: &[Position],
        keys: &[(Partition, Fingerprint)],
    ) -> Result<Vec<Position>, db::Error> {
        self.forget_other_pasts(txn);
        let mut behind = heads.to_vec();
        behind.retain(|at| self.of(at.partition).head != at.seq);
        self.read_on(txn, &behind, i64::MAX).await?;
        let mut read_again = BTreeSet::new();
        loop {
            let (places, missing) = self.look_up(txn, keys).await?;
            let Some((partition, last, _)) = missing else { return Ok(places) };
            if !read_again.insert(partition) {
                return Err(corrupt(partition, last));
            }
            self.read_again(txn, partition).await?;
        }
    }

    /// The same by what is known; and a block that should be there and is not, if there is one.
    async fn look_up(
        &self,
        txn: &mut Transaction,
        keys: &[(Partition, Fingerprint)],
    ) -> Result<(Vec<Position>, Option<BlockId>), db::Error> {
        let (mut found, mut in_blocks) = (Vec::new(), BTreeMap::<BlockId, Vec<Fingerprint>>::new());
        for &(partition, key) in keys {
            let known = self.of(partition);
            if let Some(&seq) = known.fresh.get(&key) {
                found.push(Position { partition, seq });
                continue;
            }
            for run in &known.runs {
                if let Some(number) = run.block_of(key) {
                    in_blocks.entry((partition, run.last, number)).or_default().push(key);
                }
            }
        }
        if in_blocks.is_empty() {
            return Ok((found, None));
        }
        for (id, block) in sql::blocks(txn, in_blocks.keys()).await? {
            let (partition, last, _) = id;
            for key in in_blocks.remove(&id).unwrap_or_default() {
                let seqs = seqs_of(last, &block, key).ok_or_else(|| corrupt(partition, last))?;
                found.extend(seqs.map(|seq| Position { partition, seq }));
            }
        }
        Ok((found, in_blocks.into_keys().next()))
    }

    /// What was appended to partitions that are known up to where they ended before; `heads` are where they
    /// end now. Writes a run for each that has enough for one.
    pub(super) async fn add(
        &mut self,
        txn: &mut Transaction,
        used: Vec<Used>,
        heads: &[Position],
    ) -> Result<Added, db::Error> {
        let mut sealed = Vec::new();
        for &at in heads {
            if self.is_due(at) {
                self.read_again(txn, at.partition).await?;
            }
            // Not if another process has written one since, as it does when it starts.
            if self.is_due(at) {
                sealed.push(self.seal(txn, at, &used).await?);
            }
        }
        Ok(Added { used, heads: heads.to_vec(), sealed })
    }

    /// Takes note of what has committed.
    pub(super) fn committed(&mut self, added: Added) {
        for (partition, key, seq) in added.used {
            self.of_mut(partition).fresh.insert(key, seq);
        }
        for Position { partition, seq } in added.heads {
            self.of_mut(partition).head = seq;
        }
        for Sealed { partition, kept, run } in added.sealed {
            let known = self.of_mut(partition);
            known.runs.truncate(kept);
            known.runs.push(run);
            known.fresh = HashMap::new();
        }
    }

    /// Reads on in partitions that end at `heads`, of each as much as makes one of the largest runs; true
    /// when all ends are reached.
    pub(super) async fn read_part(
        &mut self,
        txn: &mut Transaction,
        heads: &[Position],
    ) -> Result<(bool, Added), db::Error> {
        self.forget_other_pasts(txn);
        self.read_on(txn, heads, self.sizes.largest()).await?;
        let reached: Vec<Position> = heads.iter().map(|at| self.known_head(at.partition)).collect();
        let added = self.add(txn, Vec::new(), &reached).await?;
        Ok((reached == heads, added))
    }

    fn known_head(&self, partition: Partition) -> Position {
        Position { partition, seq: self.of(partition).head }
    }

    /// What is known may be of entries that are gone.
    fn forget_other_pasts(&mut self, txn: &Transaction) {
        for known in self.partitions.values_mut().filter(|known| known.past != txn.past()) {
            known.past = txn.past();
            known.forget();
        }
    }

    /// Learns what other processes have made of the runs.
    async fn read_again(
        &mut self,
        txn: &mut Transaction,
        partition: Partition,
    ) -> Result<(), db::Error> {
        self.read_on(txn, &[self.known_head(partition)], i64::MAX).await
    }

    /// Reads what is not known yet of partitions that end at `heads`, so many entries of each at most.
    async fn read_on(
        &mut self,
        txn: &mut Transaction,
        heads: &[Position],
        limit: i64,
    ) -> Result<(), db::Error> {
        if heads.is_empty() {
            return Ok(());
        }
        let sealed = sql::sealed(txn, heads.iter().map(|at| at.partition)).await?;
        let mut unread = Vec::new();
        for &at in heads {
            let sealed = sealed.get(&at.partition).copied().unwrap_or(0);
            let known = self.of_mut(at.partition);
            known.read_runs(txn, at, sealed).await?;
            if known.head < at.seq {
                let until = at.seq.min(known.head.saturating_add(limit));
                unread.push((at.partition, known.head, until));
            }
        }
        if unread.is_empty() {
            return Ok(());
        }
        for (partition, key, seq) in sql::keys(txn, &unread).await? {
            self.of_mut(partition).fresh.insert(key, seq);
        }
        for (partition, _, until) in unread {
            self.of_mut(partition).head = until;
        }
        Ok(())
    }

    /// Whether what is in no run is worth one.
    fn is_due(&self, head: Position) -> bool {
        head.seq - self.of(head.partition).sealed() >= self.sizes.run
    }

    /// Writes what is in no run into one, together with as many of the last as [`Sizes::merging`] says.
    async fn seal(
        &self,
        txn: &mut Transaction,
        Position { partition, seq: head }: Position,
        used: &[Used],
    ) -> Result<Sealed, db::Error> {
        let known = self.of(partition);
        let ends = known.runs.iter().map(|run| run.last).chain([head]);
        let lengths: Vec<i64> =
            ends.scan(0, |from, end| Some(end - std::mem::replace(from, end))).collect();
        let kept = lengths.len() - self.sizes.merging(&lengths);
        let replaced: Vec<i64> = known.runs[kept..].iter().map(|run| run.last).collect();
        let mut all = Vec::new();
        for &last in &replaced {
            for block in sql::blocks_of(txn, partition, last).await? {
                all.extend(uses(last, &block).ok_or_else(|| corrupt(partition, last))?);
            }
        }
        all.extend(known.fresh.iter().map(|(key, seq)| Use::new(*key, *seq)));
        let here = used.iter().filter(|(its, ..)| *its == partition);
        all.extend(here.map(|(_, key, seq)| Use::new(*key, *seq)));
        let after = known.runs[..kept].last().map_or(0, |run| run.last);
        let (run, blocks) =
            Run::of(head, all, self.sizes).ok_or_else(|| corrupt(partition, head))?;
        sql::replace(txn, partition, replaced, (after, head), blocks).await?;
        Ok(Sealed { partition, kept, run })
    }
}

/// How many of the `known` runs stand, and the runs behind them: a merge replaces the last ones only, and the
/// end of a run names it.
async fn runs_behind(
    txn: &mut Transaction,
    partition: Partition,
    known: &[Run],
) -> Result<(usize, Vec<Run>), db::Error> {
    let stored = sql::runs(txn, partition).await?;
    let same = |(run, (_, last)): &(&Run, &(i64, i64))| run.last == *last;
    let kept = known.iter().zip(&stored).take_while(same).count();
    let (mut read, mut reached) = (Vec::new(), 0);
    for (at, (after, last)) in stored.into_iter().enumerate() {
        if after != std::mem::replace(&mut reached, last) {
            return Err(corrupt(partition, last));
        }
        if at >= kept {
            let blocks = sql::blocks_of(txn, partition, last).await?;
            read.push(Run::read(last, &blocks).ok_or_else(|| corrupt(partition, last))?);
        }
    }
    Ok((kept, read))
}

/// Runs are made from the ledger: whoever meets a bad one is told how to have them made again.
pub(super) fn corrupt(partition: Partition, last: i64) -> db::Error {
    let id = format_args!(
        "{partition}/{last} (stop ingest, delete all rows of key_block and start it: it makes them again)"
    );
    db::Error::corrupt("key_block", "keys", id)
}
