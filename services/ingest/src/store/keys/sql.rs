//! The statements over runs of keys.

use std::collections::HashMap;

use db::bulk::{Rows, Transaction};
use kernel::Partition;

use super::{Used, corrupt};
use crate::domain::Fingerprint;

/// A block: partition, last entry of its run, number.
pub(super) type BlockId = (Partition, i64, usize);

/// How far the runs of `partitions` reach; 0 where there are none.
pub(super) async fn sealed(
    txn: &mut Transaction,
    partitions: impl Iterator<Item = Partition>,
) -> Result<HashMap<Partition, i64>, db::Error> {
    let rows = Rows::new().int("partition", partitions.map(|p| p.get().into()).collect());
    // A question for each: it is answered by the last entry of the index.
    let sql = "SELECT h.partition, COALESCE(\
               (SELECT max(b.last_seq) FROM key_block b WHERE b.partition = h.partition), 0) \
               FROM {rows} JOIN log_head h ON h.partition = rows.partition";
    let found = txn.fetch::<(i16, i64)>(rows, sql).await?.into_iter();
    found.map(|(number, last)| Ok((partition("log_head", number)?, last))).collect()
}

/// The keys of some stretches: a partition, the entry they begin behind and their last.
pub(super) async fn keys(
    txn: &mut Transaction,
    stretches: &[(Partition, i64, i64)],
) -> Result<Vec<Used>, db::Error> {
    let rows = Rows::new()
        .int("partition", stretches.iter().map(|(partition, ..)| partition.get().into()).collect())
        .int("after", stretches.iter().map(|(_, after, _)| *after).collect())
        .int("until", stretches.iter().map(|(.., until)| *until).collect());
    let sql = "SELECT e.partition, e.key_hash, e.seq FROM {rows} CROSS JOIN event e \
               WHERE e.partition = rows.partition AND e.seq > rows.after AND e.seq <= rows.until \
               AND e.key_hash IS NOT NULL";
    let found = txn.fetch::<(i16, Vec<u8>, i64)>(rows, sql).await?.into_iter();
    let read = |(number, key, seq): (_, Vec<u8>, _)| {
        let key = Fingerprint::from_row(&key);
        let key = key.ok_or_else(|| db::Error::corrupt("event", "key_hash", seq))?;
        Ok((partition("event", number)?, key, seq))
    };
    found.map(read).collect()
}

/// Behind which entry the runs of a partition begin and with which they end, in order.
pub(super) async fn runs(
    txn: &mut Transaction,
    partition: Partition,
) -> Result<Vec<(i64, i64)>, db::Error> {
    let rows = Rows::new().int("partition", vec![partition.get().into()]);
    let sql = "SELECT b.after_seq, b.last_seq FROM {rows} CROSS JOIN key_block b \
               WHERE b.partition = rows.partition AND b.number = 0 ORDER BY b.last_seq";
    txn.fetch(rows, sql).await
}

/// The blocks of a run, in order.
pub(super) async fn blocks_of(
    txn: &mut Transaction,
    partition: Partition,
    last: i64,
) -> Result<Vec<Vec<u8>>, db::Error> {
    let rows =
        Rows::new().int("partition", vec![partition.get().into()]).int("last_seq", vec![last]);
    let sql = "SELECT b.number, b.blocks, b.keys FROM {rows} CROSS JOIN key_block b \
               WHERE b.partition = rows.partition AND b.last_seq = rows.last_seq ORDER BY b.number";
    let found = txn.fetch::<(i64, i64, Vec<u8>)>(rows, sql).await?;
    let count = found.len() as i64;
    let block = |(at, (number, blocks, keys))| ((number, blocks) == (at, count)).then_some(keys);
    let blocks: Option<Vec<Vec<u8>>> = (0..).zip(found).map(block).collect();
    blocks.ok_or_else(|| corrupt(partition, last))
}

/// Some blocks, in any order.
pub(super) async fn blocks(
    txn: &mut Transaction,
    wanted: impl Iterator<Item = &BlockId> + Clone,
) -> Result<Vec<(BlockId, Vec<u8>)>, db::Error> {
    let numbers = wanted.clone().map(|(_, _, number)| i64::try_from(*number).unwrap_or(i64::MAX));
    let rows = Rows::new()
        .int("partition", wanted.clone().map(|(partition, ..)| partition.get().into()).collect())
        .int("last_seq", wanted.map(|(_, last, _)| *last).collect())
        .int("number", numbers.collect());
    let sql = "SELECT b.partition, b.last_seq, b.number, b.keys FROM {rows} CROSS JOIN key_block b \
               WHERE b.partition = rows.partition AND b.last_seq = rows.last_seq \
               AND b.number = rows.number";
    let found = txn.fetch::<(i16, i64, i64, Vec<u8>)>(rows, sql).await?.into_iter();
    let read = |(partition, last, number, keys)| {
        let wrong = || db::Error::corrupt("key_block", "number", format!("{partition}/{last}"));
        let partition = Partition::new(partition).ok_or_else(wrong)?;
        Ok(((partition, last, usize::try_from(number).map_err(|_| wrong())?), keys))
    };
    found.map(read).collect()
}

/// Puts the blocks of a run, which begins behind `after`, in the place of those of the runs that end with
/// `replaced`.
pub(super) async fn replace(
    txn: &mut Transaction,
    partition: Partition,
    replaced: Vec<i64>,
    (after, last): (i64, i64),
    blocks: Vec<Vec<u8>>,
) -> Result<(), db::Error> {
    if !replaced.is_empty() {
        let rows = Rows::new()
            .int("partition", vec![partition.get().into(); replaced.len()])
            .int("last_seq", replaced);
        let sql = "DELETE FROM key_block WHERE (partition, last_seq) IN \
                   (SELECT rows.partition, rows.last_seq FROM {rows})";
        txn.execute(rows, sql).await?;
    }
    let columns = ["partition", "last_seq", "number", "after_seq", "blocks", "keys"];
    let count = blocks.len() as i64;
    txn.insert("key_block", &columns, (0_i64..).zip(blocks).collect::<Vec<_>>().into_iter(), {
        |row, (number, keys)| {
            row.small_int(partition.get()).int(last).int(number).int(after).int(count).bytes(&keys);
        }
    })
    .await
}

fn partition(table: &'static str, number: i16) -> Result<Partition, db::Error> {
    Partition::new(number).ok_or_else(|| db::Error::corrupt(table, "partition", number))
}
