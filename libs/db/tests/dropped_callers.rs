//! Callers that go away lose nothing (sqlx 0.9.0 does lose acknowledged rows: the control shows
//! it).
#![expect(clippy::unwrap_used, reason = "tests")]

mod schema;

use std::future::{Future, poll_fn};
use std::task::Poll;

use db::{Db, Error};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use sqlx::postgres::PgPoolOptions;

/// Drops `future` when it waits for the `at`-th time; counted from 1.
async fn drop_at<F: Future>(at: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut waits = 0;
    poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            waits += 1;
            if waits == at { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

/// Drops `future` after the scheduler has run `turns` times.
async fn drop_after<F: Future>(turns: u32, future: F) -> Option<F::Output> {
    let scheduler = async {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        output = future => Some(output),
        () = scheduler => None,
    }
}

fn postgres(sql: impl Into<String>) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

async fn number(connection: &DatabaseConnection, sql: &str) -> i64 {
    let row = connection.query_one_raw(postgres(sql)).await.unwrap().unwrap();
    row.try_get("", "n").unwrap()
}

/// True when a connection was lent that is inside a transaction: outside one, there is nothing to
/// save a point of (25P01).
async fn lent_inside_a_transaction(connection: &DatabaseConnection) -> bool {
    connection.execute_unprepared("SAVEPOINT probe").await.is_ok()
}

/// What happens without our pool, so that the tests below are known to bite. On a busy machine the
/// answer to BEGIN can be there before anybody waits for it: then the round shows nothing, and
/// another is played.
#[tokio::test]
async fn control_a_plain_pool_acknowledges_a_row_and_loses_it() {
    let fresh = testkit::postgres::<schema::Migrator>("dropped").await;
    for round in 0..200 {
        let plain = plain_pool(&fresh).await;
        // The connection is there already, so the first wait is for the answer to BEGIN.
        let begun = drop_at(1, plain.begin()).await;
        if begun.is_none() {
            let insert = format!("INSERT INTO head VALUES ({round}, 1)");
            let acknowledged = plain.execute_raw(postgres(insert)).await.unwrap();
            assert_eq!(acknowledged.rows_affected(), 1);
            let inside = lent_inside_a_transaction(&plain).await;
            plain.close().await.unwrap();
            let kept = format!("SELECT count(*) AS n FROM head WHERE partition = {round}");
            let kept = number(fresh.db.reader(), &kept).await;
            assert_eq!(inside, kept == 0, "what is lost was written inside an unseen transaction");
            if inside {
                return;
            }
        }
    }
    panic!("no acknowledged row was lost in 200 rounds: is the driver cured, or the control blind?")
}

/// As sqlx gives it, with one connection that is open.
async fn plain_pool(fresh: &testkit::TestDb) -> DatabaseConnection {
    let options: sqlx::postgres::PgConnectOptions = fresh.settings().url.parse().unwrap();
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_with(options.options([("search_path", "dropped")]))
        .await
        .unwrap();
    sea_orm::SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}

#[tokio::test]
async fn a_begin_dropped_at_any_wait_is_never_lent() {
    let fresh = testkit::postgres::<schema::Migrator>("dropped").await;
    let reader = fresh.db.reader();
    let mut dropped = 0;
    // The first wait is for the pool's own round trip, the second for the answer to BEGIN.
    // On a busy machine the answer is often there before anybody waits for it.
    for at in (1..=3).cycle().take(3_000) {
        dropped += usize::from(drop_at(at, reader.begin()).await.is_none());
        assert!(!lent_inside_a_transaction(reader).await, "after a begin dropped at wait {at}");
        if dropped == 50 {
            return;
        }
    }
    panic!("only {dropped} of 3,000 were dropped: the test no longer bites");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_dropped_at_random_lose_no_acknowledged_write() {
    const CALLERS: i64 = 50;
    const CALLS: i64 = 60;
    let fresh = testkit::postgres::<schema::Migrator>("dropped").await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        callers.spawn(call(fresh.db.clone(), caller, CALLS));
    }
    let (mut acked, mut dropped) = (Vec::new(), 0);
    for (its_acked, its_dropped) in callers.join_all().await {
        acked.extend(its_acked);
        dropped += its_dropped;
    }
    assert!(acked.len() > 1_000 && dropped > 300, "{} acked, {dropped} dropped", acked.len());

    // The pool is whole: as many writers as it has connections, at once, and then some.
    let after: Vec<i64> = (0..32).map(|row| CALLERS * CALLS + row).collect();
    let mut writers = tokio::task::JoinSet::new();
    for row in after {
        let db = fresh.db.clone();
        writers.spawn(async move { insert(&db, row).await });
    }
    for written in writers.join_all().await {
        written.unwrap();
    }
    let open = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
                AND state LIKE 'idle in transaction%'";
    // What was dropped last may still be under way: it has as long as a thousand questions take.
    let mut left = number(fresh.db.reader(), open).await;
    for _ in 0..1_000 {
        if left == 0 {
            break;
        }
        left = number(fresh.db.reader(), open).await;
    }
    assert_eq!(left, 0, "sessions left in a transaction");

    // What was dropped goes on, and is waited for.
    fresh.db.close().await;
    let another = fresh.another().await;
    let rows = another.reader().query_all_raw(postgres("SELECT seq FROM event")).await.unwrap();
    let kept: std::collections::HashSet<i64> =
        rows.iter().map(|row| row.try_get("", "seq").unwrap()).collect();
    let lost: Vec<_> = acked.iter().filter(|row| !kept.contains(row)).collect();
    assert!(lost.is_empty(), "{} acknowledged rows are lost: {lost:?}", lost.len());
    println!("{} acknowledged, {dropped} dropped, {} kept, 0 lost", acked.len(), kept.len());
}

async fn insert(db: &Db, row: i64) -> Result<(), Error> {
    let sql = format!(
        "INSERT INTO event (partition, seq, agent, body) VALUES ({}, {row}, '', '')",
        row % 64
    );
    db.write(|txn| {
        Box::pin(async move {
            txn.execute_raw(postgres(sql)).await?;
            Ok(())
        })
    })
    .await
}

/// Calls one after the other; three in ten give up early, some while they only read.
async fn call(db: Db, caller: i64, calls: i64) -> (Vec<i64>, usize) {
    let mut random = StdRng::seed_from_u64(caller.unsigned_abs());
    let (mut acked, mut dropped) = (Vec::new(), 0);
    for row in caller * calls..(caller + 1) * calls {
        if random.random_bool(0.1) {
            let at = random.random_range(1..6);
            drop(drop_at(at, db.reader().begin()).await);
        }
        let written = if random.random_bool(0.3) {
            // Small numbers often, large ones sometimes: every stage of a write is hit.
            let turns = 1 << random.random_range(0..12);
            drop_after(turns, insert(&db, row)).await
        } else {
            Some(insert(&db, row).await)
        };
        match written {
            Some(written) => {
                written.unwrap();
                acked.push(row);
            }
            None => dropped += 1,
        }
    }
    (acked, dropped)
}
