//! Errors are told apart by what a real server answers.
#![expect(clippy::unwrap_used, reason = "tests")]

mod schema;

use db::{Db, Error};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use testkit::PostgresServer;

async fn run(db: &Db, sql: &'static [&'static str]) -> Result<(), Error> {
    db.write(move |txn| Box::pin(async move { each(txn, sql).await })).await
}

async fn each(txn: &DatabaseTransaction, sql: &[&str]) -> Result<(), Error> {
    for statement in sql {
        txn.execute_unprepared(statement).await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_sqlstate_has_one_meaning() {
    let fresh = testkit::postgres::<schema::Migrator>("errors").await;
    let raised = async |code: &str| {
        let sql = format!(
            "DO $$ BEGIN RAISE EXCEPTION 'the words do not matter' USING ERRCODE = '{code}'; END $$"
        );
        let written: Result<(), Error> =
            fresh.db.write(|txn| Box::pin(async move { each(txn, &[&sql]).await })).await;
        written.unwrap_err()
    };
    assert!(matches!(raised("23505").await, Error::Conflict(_)));
    for code in ["08006", "40P01", "40001", "57P01", "57014", "53300", "53100", "XX000"] {
        assert!(matches!(raised(code).await, Error::Unavailable(_)), "{code}");
    }
    for code in ["23503", "23514", "22P02", "42P01", "P0001"] {
        assert!(matches!(raised(code).await, Error::Other(_)), "{code}");
    }
}

#[tokio::test]
async fn a_session_that_is_ended_in_the_middle_has_written_nothing() {
    let fresh = testkit::postgres::<schema::Migrator>("errors").await;
    let ended = run(
        &fresh.db,
        &["INSERT INTO head VALUES (1, 1)", "SELECT pg_terminate_backend(pg_backend_pid())"],
    );
    assert!(matches!(ended.await, Err(Error::Unavailable(_))));
    // The same key again: nothing is there, and the pool has recovered.
    run(&fresh.db, &["INSERT INTO head VALUES (1, 1)"]).await.unwrap();
}

#[tokio::test]
async fn a_commit_that_is_refused_is_told_from_one_without_an_answer() {
    let fresh = testkit::postgres::<schema::Migrator>("errors").await;
    let db = &fresh.db;
    run(db, &["CREATE TABLE late (id bigint UNIQUE DEFERRABLE INITIALLY DEFERRED)"]).await.unwrap();
    let refused = run(db, &["INSERT INTO late VALUES (1)", "INSERT INTO late VALUES (1)"]).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");

    // A trigger that ends its own session during COMMIT: the caller cannot know how far it came.
    run(
        db,
        &[
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; \
             END $$",
            "CREATE TABLE fatal (id bigint)",
            "CREATE CONSTRAINT TRIGGER fatal AFTER INSERT ON fatal DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW EXECUTE FUNCTION die()",
        ],
    )
    .await
    .unwrap();
    let lost = run(db, &["INSERT INTO fatal VALUES (1)"]).await;
    assert!(matches!(lost, Err(Error::Unknown(_))), "{lost:?}");
    run(db, &["INSERT INTO head VALUES (1, 1)"]).await.unwrap();
}

#[tokio::test]
async fn a_file_that_another_process_holds_is_unavailable() {
    let fresh = testkit::sqlite::<schema::Migrator>("errors").await;
    let other = fresh.another().await;
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let holder = tokio::spawn(async move {
        let held: Result<(), Error> = other
            .write(|_| {
                Box::pin(async move {
                    locked.send(()).unwrap();
                    released.await.unwrap();
                    Ok(())
                })
            })
            .await;
        held
    });
    is_locked.await.unwrap();
    let refused = run(&fresh.db, &["INSERT INTO head VALUES (1, 1)"]).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    release.send(()).unwrap();
    holder.await.unwrap().unwrap();
    run(&fresh.db, &["INSERT INTO head VALUES (1, 1)"]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_loses_nothing_it_acknowledged() {
    let mut server = PostgresServer::start().await;
    let settings = db::Settings { url: server.url(), context: "crash", connections: 16 };
    let db = Db::open(&settings).await.unwrap();
    db.migrate::<schema::Migrator>().await.unwrap();

    let (acked, mut is_acked) = tokio::sync::mpsc::unbounded_channel();
    let mut writers = tokio::task::JoinSet::new();
    for partition in 0..8_i64 {
        let (db, acked) = (db.clone(), acked.clone());
        writers.spawn(async move {
            for seq in 0.. {
                let sql = format!(
                    "INSERT INTO event (partition, seq, agent, body) \
                     VALUES ({partition}, {seq}, '', '')"
                );
                let written: Result<(), Error> =
                    db.write(|txn| Box::pin(async move { each(txn, &[&sql]).await })).await;
                match written {
                    Ok(()) => acked.send((partition, seq)).unwrap(),
                    Err(err) => return err,
                }
            }
            unreachable!("the numbers do not end")
        });
    }
    let mut known = Vec::new();
    while known.len() < 400 {
        known.push(is_acked.recv().await.unwrap());
    }
    server.kill();
    drop(acked);
    for err in writers.join_all().await {
        assert!(err.is_retryable(), "{err:?}");
    }
    while let Some(row) = is_acked.recv().await {
        known.push(row);
    }

    server.restart().await;
    // The same handle goes on; nothing was opened again.
    let rows = loop {
        let sql = sea_orm::Statement::from_string(db.backend(), "SELECT partition, seq FROM event");
        match db.reader().query_all_raw(sql).await.map_err(Error::from) {
            Ok(rows) => break rows,
            Err(err) => assert!(err.is_retryable(), "{err:?}"),
        }
    };
    let kept: std::collections::HashSet<(i64, i64)> = rows
        .iter()
        .map(|row| {
            let partition: i16 = row.try_get("", "partition").unwrap();
            (i64::from(partition), row.try_get("", "seq").unwrap())
        })
        .collect();
    let lost: Vec<_> = known.iter().filter(|row| !kept.contains(row)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    run(&db, &["INSERT INTO head VALUES (1, 1)"]).await.unwrap();
}
