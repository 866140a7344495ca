//! Group commit: everything that is queued, in one transaction.
//!
//! The head rows of the partitions touched are held from the first statement to COMMIT, in partition
//! order, so seq is dense and in commit order, and a reader that saw seq n sees all below n. Duplicates
//! are looked up before seq is given out: a repeated event leaves no hole.

use std::collections::hash_map::{Entry as Slot, HashMap};
use std::collections::{BTreeMap, BTreeSet};

use db::bulk::{Rows, Transaction};
use kernel::{Partition, Position, Timestamp, TraceContext, WorkspaceId};

use crate::domain::Fingerprint;

/// An entry about to be appended.
#[derive(Debug, Clone)]
pub(crate) struct NewEntry {
    pub(crate) workspace: WorkspaceId,
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
    },
}

/// partition, seq, dedupe_key, body_hash, recorded_time, record of an entry that stands already.
type Standing = (i16, i64, Vec<u8>, Vec<u8>, i64, Vec<u8>);

/// Whether entries that stand already are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// They are looked for first: right whatever comes.
    Repeats,
    /// They are not. One that is there all the same fails the commit with [`db::Error::Conflict`], and
    /// nothing is written: append again, expecting repeats. The look-up is a fifth of a commit.
    NewEntries,
}

/// Appends `entries`, answering for each at its index, and tells the partitions' new heads.
pub(crate) async fn append(
    txn: &mut Transaction,
    entries: &[NewEntry],
    recorded: Timestamp,
    expect: Expect,
) -> Result<(Vec<Appended>, Vec<Position>), db::Error> {
    let mut heads = hold_heads(txn, entries).await?;
    let standing = match expect {
        Expect::Repeats => find_standing(txn, entries).await?,
        Expect::NewEntries => HashMap::new(),
    };

    let mut group = Group::new(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let partition = entry.workspace.partition();
        let slot = match entry.dedupe {
            Some(key) => match group.first.entry((partition.get(), key)) {
                Slot::Occupied(first) => {
                    let (index, seq) = *first.get();
                    let twin = &entries[index];
                    let position = Position { partition, seq };
                    group.answers.push(if twin.body_hash == entry.body_hash {
                        Appended::Duplicate { position, recorded, record: twin.record.clone() }
                    } else {
                        Appended::Conflict { position }
                    });
                    continue;
                }
                Slot::Vacant(slot) => match standing.get(slot.key()) {
                    Some(standing) => {
                        group.answers.push(standing.answer(entry.body_hash, partition));
                        continue;
                    }
                    None => Some(slot),
                },
            },
            None => None,
        };
        let head = heads
            .get_mut(&partition.get())
            .ok_or_else(|| db::Error::corrupt("log_head", "partition", partition))?;
        *head += 1;
        if let Some(slot) = slot {
            slot.insert((index, *head));
        }
        group.fresh.push((index, *head));
        group
            .answers
            .push(Appended::New { position: Position { partition, seq: *head }, recorded });
    }
    let Group { answers, fresh, .. } = group;
    if fresh.is_empty() {
        return Ok((answers, Vec::new()));
    }
    let moved = moved(entries, &fresh);
    insert(txn, entries, &fresh, recorded).await?;
    move_heads(txn, &moved).await?;
    Ok((answers, moved))
}

/// What becomes of the entries of one commit.
struct Group {
    answers: Vec<Appended>,
    /// Index and seq of those that are new.
    fresh: Vec<(usize, i64)>,
    /// The same of the first with its key: twins may come in one group.
    first: HashMap<(i16, Fingerprint), (usize, i64)>,
}

impl Group {
    fn new(size: usize) -> Self {
        Self {
            answers: Vec::with_capacity(size),
            fresh: Vec::with_capacity(size),
            first: HashMap::with_capacity(size),
        }
    }
}

/// What is known of an entry that stands already.
struct Stands {
    seq: i64,
    body_hash: Fingerprint,
    recorded: Timestamp,
    record: Vec<u8>,
}

impl Stands {
    fn answer(&self, body_hash: Fingerprint, partition: Partition) -> Appended {
        let position = Position { partition, seq: self.seq };
        if self.body_hash != body_hash {
            return Appended::Conflict { position };
        }
        Appended::Duplicate { position, recorded: self.recorded, record: self.record.clone() }
    }
}

/// Locks the head rows for the rest of the transaction. On SQLite the transaction is IMMEDIATE and
/// holds the only writer, which is the stronger lock.
async fn hold_heads(
    txn: &mut Transaction,
    entries: &[NewEntry],
) -> Result<HashMap<i16, i64>, db::Error> {
    let touched: BTreeSet<i64> =
        entries.iter().map(|e| e.workspace.partition().get().into()).collect();
    let rows = Rows::new().int("partition", touched.into_iter().collect());
    let held = txn.fetch::<(i16, i64)>(
        rows,
        "SELECT partition, head FROM log_head WHERE partition IN (SELECT rows.partition FROM {rows}) \
         ORDER BY partition {for_update}",
    );
    Ok(held.await?.into_iter().collect())
}

async fn find_standing(
    txn: &mut Transaction,
    entries: &[NewEntry],
) -> Result<HashMap<(i16, Fingerprint), Stands>, db::Error> {
    let keyed = entries
        .iter()
        .filter_map(|e| Some((i64::from(e.workspace.partition().get()), e.dedupe?.to_row())));
    let (numbers, keys): (Vec<i64>, Vec<Vec<u8>>) = keyed.unzip();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = Rows::new().int("partition", numbers).bytes("dedupe_key", keys);
    let found = txn.fetch::<Standing>(
        rows,
        "SELECT e.partition, e.seq, e.dedupe_key, e.body_hash, e.recorded_time, e.record \
         FROM {rows} JOIN event e ON e.partition = rows.partition AND e.dedupe_key = rows.dedupe_key",
    );
    let stands =
        found.await?.into_iter().map(|(partition, seq, key, body_hash, recorded, record)| {
            let print = |bytes: &[u8], column| {
                Fingerprint::from_row(bytes).ok_or_else(|| db::Error::corrupt("event", column, seq))
            };
            let key = (partition, print(&key, "dedupe_key")?);
            let body_hash = print(&body_hash, "body_hash")?;
            Ok((key, Stands { seq, body_hash, recorded: Timestamp::from_micros(recorded), record }))
        });
    stands.collect()
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
    fresh: &[(usize, i64)],
    recorded: Timestamp,
) -> Result<(), db::Error> {
    let rows = fresh.iter().map(|(index, seq)| (&entries[*index], *seq));
    let inserted = txn.insert("event", &COLUMNS, rows, |row, (entry, seq)| {
        let trace = entry.trace.map(|trace| trace.to_bytes());
        row.small_int(entry.workspace.partition().get())
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

/// The last seq given out in each partition.
fn moved(entries: &[NewEntry], fresh: &[(usize, i64)]) -> Vec<Position> {
    let mut last = BTreeMap::new();
    for (index, seq) in fresh {
        last.insert(entries[*index].workspace.partition(), *seq);
    }
    last.into_iter().map(|(partition, seq)| Position { partition, seq }).collect()
}

async fn move_heads(txn: &mut Transaction, moved: &[Position]) -> Result<(), db::Error> {
    let rows = Rows::new()
        .int("partition", moved.iter().map(|p| p.partition.get().into()).collect())
        .int("head", moved.iter().map(|p| p.seq).collect());
    let sql = "UPDATE log_head SET head = rows.head FROM {rows} WHERE log_head.partition = rows.partition";
    txn.execute(rows, sql).await?;
    Ok(())
}
