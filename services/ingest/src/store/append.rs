//! Group commit: everything that is queued, in one transaction.
//!
//! The head rows of the partitions touched are held from the first statement to COMMIT, in partition
//! order, so seq is dense and in commit order, and a reader that saw seq n sees all below n. Duplicates
//! are looked up before seq is given out: a repeated event leaves no hole.

use std::collections::hash_map::{Entry as Slot, HashMap};

use db::bulk::Rows;
use kernel::{Partition, Position, Timestamp, TraceContext, WorkspaceId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::entity::log_head;
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

/// An entry that stands already, found by its dedupe key.
#[derive(Debug, Clone, FromQueryResult)]
struct Standing {
    partition: i16,
    seq: i64,
    dedupe_key: Vec<u8>,
    body_hash: Vec<u8>,
    recorded_time: i64,
    record: Vec<u8>,
}

/// Appends `entries`, answering for each at its index, and tells the partitions' new heads.
pub(crate) async fn append(
    txn: &DatabaseTransaction,
    entries: &[NewEntry],
    recorded: Timestamp,
) -> Result<(Vec<Appended>, Vec<Position>), db::Error> {
    let partitions: Vec<Partition> = entries.iter().map(|e| e.workspace.partition()).collect();
    let mut heads = hold_heads(txn, &partitions).await?;
    let mut standing = find_standing(txn, entries, &partitions).await?;

    let mut fresh = Vec::new();
    let mut answers = Vec::with_capacity(entries.len());
    for (index, (entry, partition)) in entries.iter().zip(&partitions).enumerate() {
        let slot = entry.dedupe.map(|key| standing.entry((partition.get(), key)));
        let slot = match slot {
            Some(Slot::Occupied(first)) => {
                answers.push(first.get().answer(entry.body_hash, *partition));
                continue;
            }
            Some(Slot::Vacant(slot)) => Some(slot),
            None => None,
        };
        let head = heads
            .get_mut(&partition.get())
            .ok_or_else(|| db::Error::corrupt("log_head", "partition", partition))?;
        *head += 1;
        let position = Position { partition: *partition, seq: *head };
        if let Some(slot) = slot {
            // A twin later in this very group finds this one.
            slot.insert(First {
                seq: *head,
                body_hash: entry.body_hash,
                recorded,
                record: entry.record.clone(),
            });
        }
        fresh.push((index, *head));
        answers.push(Appended::New { position, recorded });
    }
    if !fresh.is_empty() {
        insert(txn, entries, &partitions, &fresh, recorded).await?;
    }
    let moved = move_heads(txn, &heads, &partitions, &fresh).await?;
    Ok((answers, moved))
}

/// What is known of the entry a dedupe key belongs to.
struct First {
    seq: i64,
    body_hash: Fingerprint,
    recorded: Timestamp,
    record: Vec<u8>,
}

impl First {
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
    txn: &DatabaseTransaction,
    partitions: &[Partition],
) -> Result<HashMap<i16, i64>, db::Error> {
    let mut numbers: Vec<i16> = partitions.iter().map(|p| p.get()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let rows = log_head::Entity::find()
        .filter(log_head::Column::Partition.is_in(numbers))
        .order_by_asc(log_head::Column::Partition)
        .lock_exclusive()
        .all(txn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.partition, row.head)).collect())
}

async fn find_standing(
    txn: &DatabaseTransaction,
    entries: &[NewEntry],
    partitions: &[Partition],
) -> Result<HashMap<(i16, Fingerprint), First>, db::Error> {
    let keyed =
        entries.iter().zip(partitions).filter_map(|(e, p)| Some((i64::from(p.get()), e.dedupe?)));
    let (numbers, keys): (Vec<i64>, Vec<Vec<u8>>) = keyed.map(|(p, key)| (p, key.to_row())).unzip();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = Rows::new().int("partition", numbers).bytes("dedupe_key", keys).statement(
        txn.get_database_backend(),
        "SELECT e.partition, e.seq, e.dedupe_key, e.body_hash, e.recorded_time, e.record \
         FROM {rows} JOIN event e ON e.partition = rows.partition AND e.dedupe_key = rows.dedupe_key",
    );
    let rows = Standing::find_by_statement(statement).all(txn).await?;
    rows.into_iter()
        .map(|row| {
            let print = |bytes: &[u8], column| {
                Fingerprint::from_row(bytes)
                    .ok_or_else(|| db::Error::corrupt("event", column, row.seq))
            };
            let key = (row.partition, print(&row.dedupe_key, "dedupe_key")?);
            let first = First {
                seq: row.seq,
                body_hash: print(&row.body_hash, "body_hash")?,
                recorded: Timestamp::from_micros(row.recorded_time),
                record: row.record.clone(),
            };
            Ok((key, first))
        })
        .collect()
}

async fn insert(
    txn: &DatabaseTransaction,
    entries: &[NewEntry],
    partitions: &[Partition],
    fresh: &[(usize, i64)],
    recorded: Timestamp,
) -> Result<(), db::Error> {
    let column = |of: fn(&NewEntry) -> i64| fresh.iter().map(|(i, _)| of(&entries[*i])).collect();
    let bytes =
        |of: fn(&NewEntry) -> Vec<u8>| fresh.iter().map(|(i, _)| of(&entries[*i])).collect();
    let maybe = |of: fn(&NewEntry) -> Option<Vec<u8>>| {
        fresh.iter().map(|(i, _)| of(&entries[*i])).collect()
    };
    let statement = Rows::new()
        .int("partition", fresh.iter().map(|(i, _)| partitions[*i].get().into()).collect())
        .int("seq", fresh.iter().map(|(_, seq)| *seq).collect())
        .int("workspace", column(|e| e.workspace.get()))
        .int("kind", column(|e| e.kind.into()))
        .int("occurred_time", column(|e| e.occurred.micros()))
        .opt_bytes("dedupe_key", maybe(|e| e.dedupe.map(Fingerprint::to_row)))
        .bytes("body_hash", bytes(|e| e.body_hash.to_row()))
        .opt_bytes("trace_context", maybe(|e| e.trace.map(|t| t.to_bytes().to_vec())))
        .bytes("record", bytes(|e| e.record.clone()))
        .bind(recorded.micros())
        .statement(
            txn.get_database_backend(),
            "INSERT INTO event ({columns}, recorded_time) SELECT {columns}, {0} FROM {rows}",
        );
    txn.execute_raw(statement).await?;
    Ok(())
}

async fn move_heads(
    txn: &DatabaseTransaction,
    heads: &HashMap<i16, i64>,
    partitions: &[Partition],
    fresh: &[(usize, i64)],
) -> Result<Vec<Position>, db::Error> {
    let mut moved: Vec<Partition> = fresh.iter().map(|(i, _)| partitions[*i]).collect();
    moved.sort_unstable();
    moved.dedup();
    if moved.is_empty() {
        return Ok(Vec::new());
    }
    let moved: Vec<Position> = moved
        .into_iter()
        .filter_map(|partition| Some(Position { partition, seq: *heads.get(&partition.get())? }))
        .collect();
    let statement = Rows::new()
        .int("partition", moved.iter().map(|p| p.partition.get().into()).collect())
        .int("head", moved.iter().map(|p| p.seq).collect())
        .statement(
            txn.get_database_backend(),
            "UPDATE log_head SET head = rows.head FROM {rows} WHERE log_head.partition = rows.partition",
        );
    txn.execute_raw(statement).await?;
    Ok(moved)
}
