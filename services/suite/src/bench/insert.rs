//! The yardstick of TrackBatch: the same rows into a table whose unique index keeps their keys apart, in one
//! statement and one durable transaction a batch, and nothing else. The table is in a schema (or file) of
//! the bench's.

use std::sync::Arc;

use db::bulk::Rows;
use db::{Db, Settings};

use crate::failure::Failure;

/// Schema, or file, of the bench's own table.
const CONTEXT: &str = "bench";

/// A database with a ledger nobody reads.
#[derive(Clone)]
pub(crate) struct Inserts {
    db: Db,
}

impl Inserts {
    /// Opens the database and makes the table, once.
    pub(crate) async fn open(url: String, connections: u32) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::Other(format!("the bench: {error}"));
        let settings = Settings { url, context: CONTEXT, connections };
        let db = Db::open(&settings).await.map_err(|e| failed(&e))?;
        db.migrate::<ingest::Yardstick>().await.map_err(|e| failed(&e))?;
        Ok(Self { db })
    }

    /// Whether a bench has been here before.
    pub(crate) async fn known(url: &str) -> Result<bool, Failure> {
        let settings = Settings { url: url.to_owned(), context: CONTEXT, connections: 2 };
        let db =
            Db::open(&settings).await.map_err(|e| Failure::Other(format!("the bench: {e}")))?;
        let known = db.verify::<ingest::Yardstick>().await.is_ok();
        db.close().await;
        Ok(known)
    }

    /// Inserts rows `first` and on of a partition, one for each of `records`.
    pub(crate) async fn insert(
        &self,
        partition: i64,
        first: i64,
        records: Arc<[Vec<u8>]>,
    ) -> Result<(), Failure> {
        let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
        let numbers = || first..first + count;
        let constant = |value: i64| vec![value; records.len()];
        let rows = Rows::new()
            .int("partition", constant(partition))
            .int("seq", numbers().collect())
            .int("workspace", constant(1))
            .int("kind", constant(10))
            .int("occurred_time", numbers().collect())
            .opt_bytes("key_hash", numbers().map(|n| Some(hash(partition, n))).collect())
            .bytes("body_hash", numbers().map(|n| hash(n, partition)).collect())
            .opt_bytes("trace_context", vec![None; records.len()])
            .bytes("record", records.to_vec())
            .bind(first);
        let sql = "INSERT INTO event ({columns}, recorded_time) SELECT {columns}, {0} FROM {rows}";
        self.db
            .write_rows(move |txn| {
                Box::pin(async move {
                    txn.execute(rows, sql).await?;
                    Ok::<_, db::Error>(())
                })
            })
            .await
            .map_err(|error| Failure::Other(format!("the bare insert failed: {error}")))
    }

    pub(crate) async fn close(self) {
        self.db.close().await;
    }
}

/// 128 bits that fall all over an index, as digests do, for next to nothing.
fn hash(salt: i64, n: i64) -> Vec<u8> {
    // 2^64 over the golden ratio: neighbours end up far apart.
    let spread = (n ^ (salt << 40)).wrapping_mul(-7_046_029_254_386_353_131);
    [spread.to_be_bytes(), n.to_be_bytes()].concat()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rows_go_in_once_and_beside_the_ledger() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/", dir.path().display());
        let inserts = Inserts::open(url.clone(), 2).await.unwrap();
        let records: Arc<[Vec<u8>]> = vec![vec![1], vec![2]].into();
        inserts.insert(0, 1, Arc::clone(&records)).await.unwrap();
        inserts.insert(0, 3, Arc::clone(&records)).await.unwrap();
        assert!(inserts.insert(0, 4, Arc::clone(&records)).await.is_err(), "seq 4 stands");
        assert!(dir.path().join("bench.db").exists());
    }
}
