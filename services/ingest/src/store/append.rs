//! Group commit: everything that is queued, in one transaction.
//!
//! The head rows of the partitions touched are held from the first statement to COMMIT, in partition
//! order, so seq is dense and in commit order, and a reader that saw seq n sees all below n. That statement
//! takes a seq for every entry that is no twin of one before it; what stands already gives its own back
//! before any entry is written, so no hole is left.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry as Slot, HashMap};

use db::bulk::{Rows, Transaction};
use kernel::{Partition, Position, Timestamp, TraceContext, WorkspaceId};

use super::keys::{Added, HeldKeys};
use super::log_head;
use crate::domain::Fingerprint;

/// An entry about to be appended.
#[derive(Debug, Clone)]
pub(crate) struct NewEntry {
    pub(crate) workspace: WorkspaceId,
    /// Of the workspace: a digest of it, asked for several times an entry.
    pub(crate) partition: Partition,
    /// Field number of the event's body.
    pub(crate) kind: i16,
    pub(crate) occurred: Timestamp,
    pub(crate) key_hash: Option<Fingerprint>,
    pub(crate) body_hash: Fingerprint,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) record: Vec<u8>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Appended {
    New {
        position: Position,
        recorded: Timestamp,
    },
    /// The key was used for the same event before: where that stands, and its stored record.
    Duplicate {
        position: Position,
        recorded: Timestamp,
        record: Vec<u8>,
    },
    /// The key was used for another event. Nothing was written.
    Conflict {
        position: Position,
        clash: Box<Clash>,
    },
}

/// Two events under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clash {
    /// Of the event that stands.
    pub(crate) record: Vec<u8>,
    /// Of its body.
    pub(crate) hash: Fingerprint,
    /// Of the body that was sent now.
    pub(crate) sent_hash: Fingerprint,
}

/// partition, seq, key_hash, body_hash, recorded_time, record of an entry that stands already.
type Standing = (i16, i64, Vec<u8>, Vec<u8>, i64, Vec<u8>);

/// Appends `entries`, answering for each at its index, and tells the new heads of the partitions that got
/// some. `known` are the keys of all of their partitions.
pub(super) async fn append(
    txn: &mut Transaction,
    entries: &[NewEntry],
    recorded: Timestamp,
    known: &mut HeldKeys,
) -> Result<(Vec<Appended>, Vec<Position>, Added), db::Error> {
    let none = ByKey::new();
    let as_if_new = fates(entries, &none);
    let taken = new_ones(entries, &as_if_new);
    let mut heads = log_head::advance(txn, &taken).await?;
    let before = heads.iter().map(|at| Position { seq: at.seq - taken[&at.partition], ..*at });
    let keys: Vec<_> = entries.iter().filter_map(|e| Some((e.partition, e.key_hash?))).collect();
    let standing = find(txn, known, &before.collect::<Vec<_>>(), &keys).await?;
    let fates = if standing.is_empty() { as_if_new } else { fates(entries, &standing) };
    if !standing.is_empty() {
        give_back(txn, &mut heads, taken, &new_ones(entries, &fates)).await?;
    }
    let seqs = seqs(entries, &fates, &heads);
    let new = entries.iter().zip(&fates).zip(&seqs);
    let new = new.filter(|((_, fate), _)| matches!(fate, Fate::New));
    let new: Vec<(&NewEntry, i64)> = new.map(|((entry, _), seq)| (entry, *seq)).collect();
    let used = new.iter().filter_map(|(e, seq)| Some((e.partition, e.key_hash?, *seq))).collect();
    insert(txn, new, recorded).await?;
    let added = known.add(txn, used, &heads).await?;
    Ok((answers(entries, &fates, &seqs, recorded), heads, added))
}

/// Moves heads back by what was taken for entries that stand already, and drops those of partitions that got
/// none.
async fn give_back(
    txn: &mut Transaction,
    heads: &mut Vec<Position>,
    taken: BTreeMap<Partition, i64>,
    new: &BTreeMap<Partition, i64>,
) -> Result<(), db::Error> {
    let back =
        taken.into_iter().map(|(at, taken)| (at, new.get(&at).copied().unwrap_or(0) - taken));
    let back: BTreeMap<_, _> = back.filter(|(_, by)| *by != 0).collect();
    // Only the first half of a key may have been the same: then there is nothing to give back.
    if !back.is_empty() {
        log_head::advance(txn, &back).await?;
    }
    heads.iter_mut().for_each(|at| at.seq += back.get(&at.partition).copied().unwrap_or(0));
    heads.retain(|at| new.contains_key(&at.partition));
    Ok(())
}

fn answers(
    entries: &[NewEntry],
    fates: &[Fate<'_>],
    seqs: &[i64],
    recorded: Timestamp,
) -> Vec<Appended> {
    let answers = entries.iter().zip(fates).enumerate().map(|(index, (entry, fate))| {
        let partition = entry.partition;
        match fate {
            Fate::New => {
                let position = Position { partition, seq: seqs[index] };
                Appended::New { position, recorded }
            }
            Fate::Twin(first) => {
                let (seq, twin) = (seqs[*first], &entries[*first]);
                let position = Position { partition, seq };
                repeated(entry, position, recorded, twin.body_hash, &twin.record)
            }
            Fate::Stands(stands) => {
                let position = Position { partition, seq: stands.seq };
                repeated(entry, position, stands.recorded, stands.body_hash, &stands.record)
            }
        }
    });
    answers.collect()
}

/// What an entry turns out to be.
enum Fate<'a> {
    New,
    /// The one at this index of the same group has its key.
    Twin(usize),
    /// One that stands already has its key.
    Stands(&'a Stands),
}

fn fates<'a>(entries: &[NewEntry], standing: &'a ByKey) -> Vec<Fate<'a>> {
    let mut first = HashMap::with_capacity(entries.len());
    let fates = entries.iter().enumerate().map(|(index, entry)| {
        let Some(key_hash) = entry.key_hash else { return Fate::New };
        let key = (entry.partition.get(), key_hash);
        if let Some(stands) = standing.get(&key) {
            return Fate::Stands(stands);
        }
        match first.entry(key) {
            Slot::Occupied(twin) => Fate::Twin(*twin.get()),
            Slot::Vacant(slot) => {
                slot.insert(index);
                Fate::New
            }
        }
    });
    fates.collect()
}

/// Seqs of the new ones, in the order they came; 0 for the others. `heads` are their partitions' last.
fn seqs(entries: &[NewEntry], fates: &[Fate<'_>], heads: &[Position]) -> Vec<i64> {
    let mut next: HashMap<Partition, i64> = heads.iter().map(|p| (p.partition, p.seq)).collect();
    // From the last one back: a head says where a partition ends now.
    let mut seqs: Vec<i64> = entries
        .iter()
        .zip(fates)
        .rev()
        .map(|(entry, fate)| match fate {
            Fate::New => {
                let head =
                    next.get_mut(&entry.partition).expect("a partition with new entries moved");
                *head -= 1;
                *head + 1
            }
            Fate::Twin(_) | Fate::Stands(_) => 0,
        })
        .collect();
    seqs.reverse();
    seqs
}

/// The answer to an entry whose key stands at `position`, with this `hash` and `record`.
fn repeated(
    entry: &NewEntry,
    position: Position,
    recorded: Timestamp,
    hash: Fingerprint,
    record: &[u8],
) -> Appended {
    let record = record.to_vec();
    if hash == entry.body_hash {
        return Appended::Duplicate { position, recorded, record };
    }
    let clash = Box::new(Clash { record, hash, sent_hash: entry.body_hash });
    Appended::Conflict { position, clash }
}

/// What is known of an entry that stands already.
pub(super) struct Stands {
    seq: i64,
    body_hash: Fingerprint,
    recorded: Timestamp,
    record: Vec<u8>,
}

/// How many of `entries` are new, by partition.
fn new_ones(entries: &[NewEntry], fates: &[Fate<'_>]) -> BTreeMap<Partition, i64> {
    let mut counts = BTreeMap::new();
    for (entry, fate) in entries.iter().zip(fates) {
        if matches!(fate, Fate::New) {
            *counts.entry(entry.partition).or_default() += 1;
        }
    }
    counts
}

/// Entries that stand, by partition and key.
pub(super) type ByKey = HashMap<(i16, Fingerprint), Stands>;

/// The entries that stand under `keys`, in partitions that end at `heads`. Some may be there that nobody
/// asked for.
pub(super) async fn find(
    txn: &mut Transaction,
    known: &mut HeldKeys,
    heads: &[Position],
    keys: &[(Partition, Fingerprint)],
) -> Result<ByKey, db::Error> {
    let places = known.find(txn, heads, keys).await?;
    if places.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = Rows::new()
        .int("partition", places.iter().map(|at| at.partition.get().into()).collect())
        .int("seq", places.iter().map(|at| at.seq).collect());
    let sql = "SELECT e.partition, e.seq, e.key_hash, e.body_hash, e.recorded_time, e.record \
         FROM {rows} CROSS JOIN event e WHERE e.partition = rows.partition AND e.seq = rows.seq \
         AND e.key_hash IS NOT NULL";
    txn.fetch::<Standing>(rows, sql).await?.into_iter().map(standing).collect()
}

fn standing(row: Standing) -> Result<((i16, Fingerprint), Stands), db::Error> {
    let (partition, seq, key, body_hash, recorded, record) = row;
    let print = |bytes: &[u8], column| {
        Fingerprint::from_row(bytes).ok_or_else(|| db::Error::corrupt("event", column, seq))
    };
    let key = (partition, print(&key, "key_hash")?);
    let body_hash = print(&body_hash, "body_hash")?;
    Ok((key, Stands { seq, body_hash, recorded: Timestamp::from_micros(recorded), record }))
}

const COLUMNS: [&str; 10] = [
    "partition",
    "seq",
    "workspace",
    "kind",
    "recorded_time",
    "occurred_time",
    "key_hash",
    "body_hash",
    "trace_context",
    "record",
];

async fn insert(
    txn: &mut Transaction,
    new: Vec<(&NewEntry, i64)>,
    recorded: Timestamp,
) -> Result<(), db::Error> {
    let inserted = txn.insert("event", &COLUMNS, new.into_iter(), |row, (entry, seq)| {
        let trace = entry.trace.map(|trace| trace.to_bytes());
        row.small_int(entry.partition.get())
            .int(seq)
            .int(entry.workspace.get())
            .small_int(entry.kind)
            .int(recorded.micros())
            .int(entry.occurred.micros())
            .opt_bytes(entry.key_hash.as_ref().map(Fingerprint::as_bytes))
            .bytes(entry.body_hash.as_bytes())
            .opt_bytes(trace.as_ref().map(<[u8; 25]>::as_slice))
            .bytes(&entry.record);
    });
    inserted.await
}
