//! Which keys are used, where the database keeps no index of them.
//!
//! Keys are random, so each new one changes a page of its index for itself. With three million entries on
//! SQLite a batch cost three times what it did on an empty ledger. So keys lie in runs, sorted, merged by
//! size and written once in a while; those since the last run are in memory only and are read from the ledger
//! by whoever does not know them.
//!
//! Who looks holds the head of the partition (or reads all at one moment), and first reads on from where he
//! knows it to where it is. So what he knows is right, whichever process appended.

mod sql;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use db::bulk::Transaction;
use kernel::{Partition, Position};

use self::sql::{BlockId, Reach};
use crate::domain::Fingerprint;
use crate::domain::key_run::{Run, Sizes, Use, seqs_of, uses};

/// What is known of the keys of all partitions.
pub(super) struct KnownKeys {
    sizes: Sizes,
    partitions: HashMap<Partition, Known>,
}

/// What is known of those of one.
#[derive(Default)]
struct Known {
    /// Oldest first; each begins where the one before ends.
    runs: Vec<Run>,
    /// Those of the entries behind the last run, up to `head`.
    fresh: HashMap<Fingerprint, i64>,
    head: i64,
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
}

impl KnownKeys {
    /// Nothing yet.
    pub(super) fn new(sizes: Sizes) -> Self {
        Self { sizes, partitions: HashMap::new() }
    }

    /// Where each of `keys` may have been used; it was if the entry there has it. All of them are in
    /// `partitions`, which are known up to their heads then.
    pub(super) async fn find(
        &mut self,
        txn: &mut Transaction,
        partitions: BTreeSet<Partition>,
        keys: impl Iterator<Item = (Partition, Fingerprint)>,
    ) -> Result<Vec<Position>, db::Error> {
        for reach in sql::reaches(txn, partitions.into_iter()).await? {
            self.read_on(txn, &reach, i64::MAX).await?;
        }
        let (mut found, mut in_blocks) = (Vec::new(), BTreeMap::<BlockId, Vec<Fingerprint>>::new());
        for (partition, key) in keys {
            let Some(known) = self.partitions.get(&partition) else { continue };
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
            return Ok(found);
        }
        for (id, block) in sql::blocks(txn, in_blocks.keys()).await? {
            let (partition, last, _) = id;
            for key in in_blocks.remove(&id).unwrap_or_default() {
                let seqs = seqs_of(last, &block, key).ok_or_else(|| corrupt(partition, last))?;
                found.extend(seqs.map(|seq| Position { partition, seq }));
            }
        }
        match in_blocks.into_keys().next() {
            Some((partition, last, _)) => Err(corrupt(partition, last)),
            None => Ok(found),
        }
    }

    /// What was appended to partitions that are known up to their heads. Writes a run for each that has
    /// enough for one.
    pub(super) async fn add(
        &self,
        txn: &mut Transaction,
        used: Vec<Used>,
        heads: &[Position],
    ) -> Result<Added, db::Error> {
        let mut added = Added { used, heads: heads.to_vec(), sealed: Vec::new() };
        for &Position { partition, seq: head } in heads {
            let Some(known) = self.partitions.get(&partition) else { continue };
            if head - known.sealed() >= self.sizes.run {
                added.sealed.push(self.seal(txn, (partition, known), head, &added.used).await?);
            }
        }
        Ok(added)
    }

    /// Takes note of what has committed.
    pub(super) fn committed(&mut self, added: Added) {
        for (partition, key, seq) in added.used {
            self.partitions.entry(partition).or_default().fresh.insert(key, seq);
        }
        for Position { partition, seq } in added.heads {
            self.partitions.entry(partition).or_default().head = seq;
        }
        for Sealed { partition, kept, run } in added.sealed {
            let known = self.partitions.entry(partition).or_default();
            known.runs.truncate(kept);
            known.runs.push(run);
            known.fresh = HashMap::new();
        }
    }

    /// Reads on in a partition, of what is in no run as much as makes one of the largest; true when its head
    /// is reached.
    pub(super) async fn read_part(
        &mut self,
        txn: &mut Transaction,
        partition: Partition,
    ) -> Result<(bool, Added), db::Error> {
        let mut at_head = true;
        for reach in sql::reaches(txn, [partition].into_iter()).await? {
            self.read_on(txn, &reach, self.sizes.largest()).await?;
            at_head = self.partitions.get(&partition).is_none_or(|known| known.head >= reach.head);
        }
        let head = self.partitions.get(&partition).map(|known| known.head);
        let heads: Vec<Position> =
            head.map(|seq| Position { partition, seq }).into_iter().collect();
        Ok((at_head, self.add(txn, Vec::new(), &heads).await?))
    }

    async fn read_on(
        &mut self,
        txn: &mut Transaction,
        reach: &Reach,
        limit: i64,
    ) -> Result<(), db::Error> {
        let Reach { partition, head, sealed } = *reach;
        let known = self.partitions.entry(partition).or_default();
        if head < known.head || sealed < known.sealed() {
            // Somebody has put back an older ledger, or taken runs away.
            *known = Known::default();
        }
        if sealed > head {
            return Err(corrupt(partition, sealed));
        }
        // Runs are merged only when one is added, so the last one tells of all.
        if known.sealed() != sealed {
            let runs = runs(txn, partition).await?;
            if runs.last().map_or(0, |run| run.last) != sealed {
                return Err(corrupt(partition, sealed));
            }
            known.runs = runs;
            known.fresh.retain(|_, seq| *seq > sealed);
            known.head = known.head.max(sealed);
        }
        if known.head < head {
            let (after, until) = (known.head, head.min(known.head.saturating_add(limit)));
            let keys = sql::keys(txn, Position { partition, seq: after }, until).await?;
            known.fresh.extend(keys);
            known.head = until;
        }
        Ok(())
    }

    /// Writes what is in no run into one, together with as many of the last as [`Sizes::merging`] says.
    async fn seal(
        &self,
        txn: &mut Transaction,
        (partition, known): (Partition, &Known),
        head: i64,
        used: &[Used],
    ) -> Result<Sealed, db::Error> {
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

async fn runs(txn: &mut Transaction, partition: Partition) -> Result<Vec<Run>, db::Error> {
    let (mut runs, mut reached) = (Vec::new(), 0);
    for (after, last) in sql::runs(txn, partition).await? {
        if after != std::mem::replace(&mut reached, last) {
            return Err(corrupt(partition, last));
        }
        let blocks = sql::blocks_of(txn, partition, last).await?;
        runs.push(Run::read(last, &blocks).ok_or_else(|| corrupt(partition, last))?);
    }
    Ok(runs)
}

/// Runs are made from the ledger: whoever meets a bad one is told how to have them made again.
pub(super) fn corrupt(partition: Partition, last: i64) -> db::Error {
    let id = format_args!(
        "{partition}/{last} (stop ingest, delete all rows of key_block and start it: it makes them again)"
    );
    db::Error::corrupt("key_block", "keys", id)
}
