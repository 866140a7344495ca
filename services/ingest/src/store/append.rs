//! Group commit: everything that is queued, in one transaction.
//!
//! The head rows of the partitions touched are held from the first statement to COMMIT, in partition
//! order, so seq is dense and in commit order, and a reader that saw seq n sees all below n. A repeated
//! event leaves no hole: it is looked up before seq is given out, or it undoes the whole commit.

use std::collections::hash_map::{Entry as Slot, HashMap};
use std::collections::{BTreeMap, BTreeSet};

use db::bulk::{Rows, Transaction};
use kernel::{Partition, Position, Timestamp, TraceContext, WorkspaceId};

use super::keys::{Added, KnownKeys};
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
    pub(crate) dedupe: Option<Fingerprint>,
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

/// partition, seq, dedupe_key, body_hash, recorded_time, record of an entry that stands already.
type Standing = (i16, i64, Vec<u8>, Vec<u8>, i64, Vec<u8>);

/// Whether entries that stand already are looked for, where the database has an index of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// They are looked for first: right whatever comes.
    Repeats,
    /// They are not. One that is there all the same fails the commit with [`db::Error::Conflict`], and
    /// nothing is written: append again, expecting repeats. It saves an index probe an entry.
    NewEntries,
}

/// Appends `entries`, answering for each at its index, and tells the partitions' new heads. For a database
/// that has an index of keys.
pub(super) async fn append_indexed(
    txn: &mut Transaction,
    entries: &[NewEntry],
    recorded: Timestamp,
    expect: Expect,
) -> Result<(Vec<Appended>, Vec<Position>), db::Error> {
    let standing = match expect {
        Expect::Repeats => {
            hold_heads(txn, entries).await?;
            find_indexed(txn, keyed(entries)).await?
        }
        Expect::NewEntries => HashMap::new(),
    };
    let fates = fates(entries, &standing);
    let (heads, seqs) = write(txn, entries, &fates, recorded).await?;
    Ok((answers(entries, &fates, &seqs, recorded), heads))
}

/// The same for a database that has none, with what is known of the keys. The transaction must be the only
/// one that writes.
pub(super) async fn append_known(
    txn: &mut Transaction,
    entries: &[NewEntry],
    recorded: Timestamp,
    known: &mut KnownKeys,
) -> Result<(Vec<Appended>, Vec<Position>, Added), db::Error> {
    let partitions = entries.iter().map(|e| e.partition).collect();
    let standing = find_known(txn, known, partitions, keyed(entries)).await?;
    let fates = fates(entries, &standing);
    let (heads, seqs) = write(txn, entries, &fates, recorded).await?;
    let new = entries.iter().zip(&fates).zip(&seqs);
    let new = new.filter(|((_, fate), _)| matches!(fate, Fate::New));
    let used = new.filter_map(|((e, _), seq)| Some((e.partition, e.dedupe?, *seq)));
    let added = known.add(txn, used.collect(), &heads).await?;
    Ok((answers(entries, &fates, &seqs, recorded), heads, added))
}

/// Gives the new ones their seqs and writes them.
async fn write(
    txn: &mut Transaction,
    entries: &[NewEntry],
    fates: &[Fate<'_>],
    recorded: Timestamp,
) -> Result<(Vec<Position>, Vec<i64>), db::Error> {
    let heads = move_heads(txn, entries, fates).await?;
    let seqs = seqs(entries, fates, &heads);
    insert(txn, entries, fates, &seqs, recorded).await?;
    Ok((heads, seqs))
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
        let Some(dedupe) = entry.dedupe else { return Fate::New };
        let key = (entry.partition.get(), dedupe);
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
        .map(|(entry, fate)| match (fate, next.get_mut(&entry.partition)) {
            (Fate::New, Some(head)) => {
                *head -= 1;
                *head + 1
            }
            _ => 0,
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

/// Locks the head rows for the rest of the transaction, where several write.
async fn hold_heads(txn: &mut Transaction, entries: &[NewEntry]) -> Result<(), db::Error> {
    let touched: BTreeSet<i64> = entries.iter().map(|e| e.partition.get().into()).collect();
    let rows = Rows::new().int("partition", touched.into_iter().collect());
    let sql = "SELECT partition, head FROM log_head \
               WHERE partition IN (SELECT rows.partition FROM {rows}) ORDER BY partition {for_update}";
    txn.fetch::<(i16, i64)>(rows, sql).await?;
    Ok(())
}

/// Takes a seq for every new entry: locks the heads, in the order of their partitions, and moves them.
/// Answers where they stand now.
async fn move_heads(
    txn: &mut Transaction,
    entries: &[NewEntry],
    fates: &[Fate<'_>],
) -> Result<Vec<Position>, db::Error> {
    let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
    for (entry, fate) in entries.iter().zip(fates) {
        if matches!(fate, Fate::New) {
            *counts.entry(entry.partition.get().into()).or_default() += 1;
        }
    }
    if counts.is_empty() {
        return Ok(Vec::new());
    }
    let rows = Rows::new()
        .int("partition", counts.keys().copied().collect())
        .int("entries", counts.values().copied().collect());
    // It locks row by row as it goes: writing connections plan it as a loop over `rows`, which are in order.
    let sql = "UPDATE log_head SET head = log_head.head + rows.entries FROM {rows} \
               WHERE log_head.partition = rows.partition \
               RETURNING log_head.partition, log_head.head";
    let moved = txn.fetch::<(i16, i64)>(rows, sql).await?;
    if moved.len() != counts.len() {
        return Err(db::Error::corrupt("log_head", "partition", "one that should be there"));
    }
    let position = |(number, seq)| {
        let partition = Partition::new(number)
            .ok_or_else(|| db::Error::corrupt("log_head", "partition", number))?;
        Ok(Position { partition, seq })
    };
    moved.into_iter().map(position).collect()
}

/// Entries that stand, by partition and key.
pub(super) type ByKey = HashMap<(i16, Fingerprint), Stands>;

fn keyed(entries: &[NewEntry]) -> impl Iterator<Item = (Partition, Fingerprint)> {
    entries.iter().filter_map(|e| Some((e.partition, e.dedupe?)))
}

/// The entries that stand under `keys`, by the index of keys.
pub(super) async fn find_indexed(
    txn: &mut Transaction,
    keys: impl Iterator<Item = (Partition, Fingerprint)>,
) -> Result<ByKey, db::Error> {
    let (partitions, keys): (Vec<i64>, Vec<Vec<u8>>) =
        keys.map(|(partition, key)| (i64::from(partition.get()), key.to_row())).unzip();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = Rows::new().int("partition", partitions).bytes("dedupe_key", keys);
    let sql = "SELECT e.partition, e.seq, e.dedupe_key, e.body_hash, e.recorded_time, e.record \
         FROM {rows} JOIN event e ON e.partition = rows.partition AND e.dedupe_key = rows.dedupe_key";
    txn.fetch::<Standing>(rows, sql).await?.into_iter().map(standing).collect()
}

/// The same by what is known of them, which reaches to the heads of `partitions` then. Some may be there that
/// nobody asked for.
pub(super) async fn find_known(
    txn: &mut Transaction,
    known: &mut KnownKeys,
    partitions: BTreeSet<Partition>,
    keys: impl Iterator<Item = (Partition, Fingerprint)>,
) -> Result<ByKey, db::Error> {
    let places = known.find(txn, partitions, keys).await?;
    if places.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = Rows::new()
        .int("partition", places.iter().map(|at| at.partition.get().into()).collect())
        .int("seq", places.iter().map(|at| at.seq).collect());
    let sql = "SELECT e.partition, e.seq, e.dedupe_key, e.body_hash, e.recorded_time, e.record \
         FROM {rows} CROSS JOIN event e WHERE e.partition = rows.partition AND e.seq = rows.seq \
         AND e.dedupe_key IS NOT NULL";
    txn.fetch::<Standing>(rows, sql).await?.into_iter().map(standing).collect()
}

fn standing(row: Standing) -> Result<((i16, Fingerprint), Stands), db::Error> {
    let (partition, seq, key, body_hash, recorded, record) = row;
    let print = |bytes: &[u8], column| {
        Fingerprint::from_row(bytes).ok_or_else(|| db::Error::corrupt("event", column, seq))
    };
    let key = (partition, print(&key, "dedupe_key")?);
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
    "dedupe_key",
    "body_hash",
    "trace_context",
    "record",
];

async fn insert(
    txn: &mut Transaction,
    entries: &[NewEntry],
    fates: &[Fate<'_>],
    seqs: &[i64],
    recorded: Timestamp,
) -> Result<(), db::Error> {
    let new = entries.iter().zip(fates).zip(seqs);
    let new = new.filter(|((_, fate), _)| matches!(fate, Fate::New));
    let new: Vec<(&NewEntry, i64)> = new.map(|((entry, _), seq)| (entry, *seq)).collect();
    let inserted = txn.insert("event", &COLUMNS, new.into_iter(), |row, (entry, seq)| {
        let trace = entry.trace.map(|trace| trace.to_bytes());
        row.small_int(entry.partition.get())
            .int(seq)
            .int(entry.workspace.get())
            .small_int(entry.kind)
            .int(recorded.micros())
            .int(entry.occurred.micros())
            .opt_bytes(entry.dedupe.as_ref().map(Fingerprint::as_bytes))
            .bytes(entry.body_hash.as_bytes())
            .opt_bytes(trace.as_ref().map(<[u8; 25]>::as_slice))
            .bytes(&entry.record);
    });
    inserted.await
}
