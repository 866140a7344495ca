//! A transaction that SQLite took back by itself, as it does when the disk is full, stops no later write.

#![expect(clippy::unwrap_used, reason = "tests")]

mod schema;

use db::bulk::Rows;
use db::{Db, Error};
use sea_orm::ConnectionTrait as _;

async fn insert(db: &Db, partition: i64) -> Result<u64, Error> {
    db.write_rows(move |txn| {
        Box::pin(async move {
            let rows = Rows::new().int("partition", vec![partition]).int("seq", vec![1]);
            txn.execute(rows, "INSERT INTO head ({columns}) SELECT {columns} FROM {rows}").await
        })
    })
    .await
}

#[tokio::test]
async fn writes_go_on_behind_a_transaction_that_was_lost() {
    let fresh = testkit::sqlite::<schema::Migrator>("lost").await;
    let db = fresh.db.clone();
    let lost = db.write(|txn| {
        Box::pin(async move {
            // The driver does not know; its COMMIT fails, and so would its ROLLBACK.
            txn.execute_unprepared("ROLLBACK").await?;
            Ok::<_, Error>(())
        })
    });
    lost.await.unwrap_err();
    assert_eq!(insert(&db, 1).await.unwrap(), 1);
    assert_eq!(insert(&db, 2).await.unwrap(), 1);
}
