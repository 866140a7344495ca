//! Where partitions end.

use std::collections::BTreeMap;

use db::bulk::{Rows, Transaction};
use kernel::{Partition, Position};

/// Where `partitions` end.
pub(super) async fn read(
    txn: &mut Transaction,
    partitions: &[Partition],
) -> Result<Vec<Position>, db::Error> {
    let numbers = partitions.iter().map(|partition| partition.get().into());
    let rows = Rows::new().int("partition", numbers.collect());
    let sql =
        "SELECT h.partition, h.head FROM {rows} JOIN log_head h ON h.partition = rows.partition";
    positions(txn.fetch(rows, sql).await?, partitions.len())
}

/// Moves the ends of partitions by so much, and answers where they are now. It locks them for the rest of the
/// transaction, in the order of the partitions.
pub(super) async fn advance(
    txn: &mut Transaction,
    by: &BTreeMap<Partition, i64>,
) -> Result<Vec<Position>, db::Error> {
    let rows = Rows::new()
        .int("partition", by.keys().map(|partition| partition.get().into()).collect())
        .int("entries", by.values().copied().collect());
    // It locks row by row as it goes. Connections join by loops only (libs/db/src/postgres.rs), over
    // `rows` or over the index of log_head: either is in order of partitions, so two replicas never wait for
    // each other.
    let sql = "UPDATE log_head SET head = log_head.head + rows.entries FROM {rows} \
               WHERE log_head.partition = rows.partition \
               RETURNING log_head.partition, log_head.head";
    positions(txn.fetch(rows, sql).await?, by.len())
}

fn positions(found: Vec<(i16, i64)>, wanted: usize) -> Result<Vec<Position>, db::Error> {
    if found.len() != wanted {
        return Err(db::Error::corrupt("log_head", "partition", "one that should be there"));
    }
    let position = |(number, seq)| {
        let partition = Partition::new(number)
            .ok_or_else(|| db::Error::corrupt("log_head", "partition", number))?;
        Ok(Position { partition, seq })
    };
    found.into_iter().map(position).collect()
}
