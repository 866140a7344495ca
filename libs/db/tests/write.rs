//! What a transaction promises, on both databases.

#![expect(clippy::unwrap_used, reason = "tests")]

mod schema;

mod suite {
    use db::{Db, Error};
    use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};
    use tokio::sync::oneshot;

    fn head(db: &Db, partition: i16, seq: i64) -> Statement {
        let sql = format!("INSERT INTO head (partition, seq) VALUES ({partition}, {seq})");
        Statement::from_string(db.backend(), sql)
    }

    async fn insert(db: &Db, partition: i16) -> Result<(), Error> {
        let statement = head(db, partition, 1);
        db.write(|txn| Box::pin(async move { execute(txn, statement).await })).await
    }

    async fn execute(txn: &DatabaseTransaction, statement: Statement) -> Result<(), Error> {
        txn.execute_raw(statement).await?;
        Ok(())
    }

    async fn count(db: &Db) -> i64 {
        let sql = Statement::from_string(db.backend(), "SELECT count(*) AS n FROM head");
        let row = db.reader().query_one_raw(sql).await.unwrap().unwrap();
        row.try_get("", "n").unwrap()
    }

    pub(crate) async fn a_write_is_there_for_every_reader(db: Db) {
        insert(&db, 1).await.unwrap();
        assert_eq!(count(&db).await, 1);
    }

    pub(crate) async fn an_error_leaves_nothing(db: Db) {
        let statement = head(&db, 1, 1);
        let refused: Result<(), Error> = db
            .write(|txn| {
                Box::pin(async move {
                    execute(txn, statement).await?;
                    Err(Error::corrupt("head", "seq", 1))
                })
            })
            .await;
        assert!(matches!(refused, Err(Error::Corrupt { .. })));
        assert_eq!(count(&db).await, 0);
    }

    pub(crate) async fn a_panic_leaves_nothing_and_reaches_the_caller(db: Db) {
        let statement = head(&db, 1, 1);
        let inner = db.clone();
        let panicked = tokio::spawn(async move {
            let written: Result<(), Error> = inner
                .write(|txn| {
                    Box::pin(async move {
                        execute(txn, statement).await?;
                        panic!("a bug")
                    })
                })
                .await;
            written
        });
        assert!(panicked.await.unwrap_err().is_panic());
        assert_eq!(count(&db).await, 0);
        insert(&db, 1).await.unwrap();
    }

    pub(crate) async fn a_dropped_caller_stops_nothing(db: Db) {
        let statement = head(&db, 1, 1);
        let (begun, has_begun) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let inner = db.clone();
        let caller = tokio::spawn(async move {
            let written: Result<(), Error> = inner
                .write(|txn| {
                    Box::pin(async move {
                        begun.send(()).unwrap();
                        may_go_on.await.unwrap();
                        let result = execute(txn, statement).await;
                        done.send(()).unwrap();
                        result
                    })
                })
                .await;
            written
        });
        has_begun.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        go_on.send(()).unwrap();
        is_done.await.unwrap();
        // Its commit is still to come, and nobody is left to ask: the same key, written again,
        // waits for it on both databases.
        assert!(matches!(insert(&db, 1).await, Err(Error::Conflict(_))));
        assert_eq!(count(&db).await, 1);
    }

    pub(crate) async fn a_key_that_exists_is_a_conflict(db: Db) {
        insert(&db, 1).await.unwrap();
        assert!(matches!(insert(&db, 1).await, Err(Error::Conflict(_))));
        insert(&db, 2).await.unwrap();
    }

    pub(crate) async fn work_that_hides_a_failed_statement_is_not_acknowledged(db: Db) {
        insert(&db, 1).await.unwrap();
        let (first, twin) = (head(&db, 2, 1), head(&db, 1, 1));
        let written: Result<(), Error> = db
            .write(|txn| {
                Box::pin(async move {
                    execute(txn, first).await?;
                    let _hidden = execute(txn, twin).await;
                    Ok(())
                })
            })
            .await;
        // SQLite undoes the failed statement alone; PostgreSQL the whole transaction. What counts
        // is that the answer is true.
        let expected = if written.is_ok() { 2 } else { 1 };
        assert_eq!(count(&db).await, expected);
    }

    pub(crate) async fn the_reader_refuses_writes(db: Db) {
        let refused = db.reader().execute_raw(head(&db, 1, 1)).await.unwrap_err();
        assert!(matches!(Error::from(refused), Error::Other(_)));
        assert_eq!(count(&db).await, 0);
    }

    pub(crate) async fn many_writers_wait_for_their_turn(db: Db) {
        let mut writers = tokio::task::JoinSet::new();
        for partition in 0..200 {
            let db = db.clone();
            writers.spawn(async move { insert(&db, partition).await });
        }
        while let Some(written) = writers.join_next().await {
            written.unwrap().unwrap();
        }
        assert_eq!(count(&db).await, 200);
    }

    pub(crate) async fn after_closing_every_call_is_unavailable(db: Db) {
        db.close().await;
        let refused = insert(&db, 1).await.unwrap_err();
        assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
        assert!(refused.is_retryable());
        let refused = db::now(db.reader()).await.unwrap_err();
        assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
    }

    pub(crate) async fn closing_waits_for_the_writes_in_flight(db: Db) {
        let statement = head(&db, 1, 1);
        let (begun, has_begun) = oneshot::channel();
        let inner = db.clone();
        let writer = tokio::spawn(async move {
            let written: Result<(), Error> = inner
                .write(|txn| {
                    Box::pin(async move {
                        begun.send(()).unwrap();
                        tokio::task::yield_now().await;
                        execute(txn, statement).await
                    })
                })
                .await;
            written
        });
        has_begun.await.unwrap();
        db.close().await;
        writer.await.unwrap().unwrap();
    }

    pub(crate) async fn the_clock_runs_and_is_ours(db: Db) {
        let first = db::now(db.reader()).await.unwrap();
        let second = db::now(db.reader()).await.unwrap();
        assert!(first <= second);
        let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64;
        assert!((since_1970 - second.micros()).abs() < 60_000_000, "{second}");
    }
}

testkit::store_suite! {
    suite: crate::suite,
    migrator: crate::schema::Migrator,
    backends: [sqlite, postgres],
    cases: [
        a_write_is_there_for_every_reader,
        an_error_leaves_nothing,
        a_panic_leaves_nothing_and_reaches_the_caller,
        a_dropped_caller_stops_nothing,
        a_key_that_exists_is_a_conflict,
        work_that_hides_a_failed_statement_is_not_acknowledged,
        the_reader_refuses_writes,
        many_writers_wait_for_their_turn,
        after_closing_every_call_is_unavailable,
        closing_waits_for_the_writes_in_flight,
        the_clock_runs_and_is_ours,
    ],
}
