//! On SQLite writes share commits, and nothing else.

#![expect(clippy::unwrap_used, reason = "tests")]

mod schema;

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use db::{Db, Error};
use sea_orm::{ConnectionTrait, Statement};
use testkit::TestDb;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

type Written = JoinHandle<Result<(), Error>>;

/// How a work ends when its statements are done.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Ok,
    /// As if none of its statements had failed.
    Hide,
    Err,
    Panic,
}

async fn fresh() -> TestDb {
    testkit::sqlite::<schema::Migrator>("group").await
}

fn head(partition: i64) -> String {
    format!("INSERT INTO head VALUES ({partition}, 1)")
}

async fn write(db: Db, sql: String, end: End) -> Result<(), Error> {
    db.write(move |txn| {
        Box::pin(async move {
            let done = txn.execute_unprepared(&sql).await;
            if end != End::Hide {
                done?;
            }
            match end {
                End::Ok | End::Hide => Ok(()),
                End::Err => Err(Error::corrupt("head", "seq", 1)),
                End::Panic => panic!("a bug"),
            }
        })
    })
    .await
}

/// Puts a write in line, behind those that are.
async fn in_line(write: impl Future<Output = Result<(), Error>> + Send + 'static) -> Written {
    let mut write = Box::pin(write);
    let waits = poll_fn(|context| Poll::Ready(write.as_mut().poll(context).is_pending())).await;
    assert!(waits);
    tokio::spawn(write)
}

/// Holds the writer, without standing in the line, until it is told to go on.
async fn hold(db: &Db) -> (oneshot::Sender<()>, Written) {
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel();
    let db = db.clone();
    let held = tokio::spawn(async move {
        db.write_rows(|_| {
            Box::pin(async move {
                begun.send(()).unwrap();
                may_go_on.await.unwrap();
                Ok(())
            })
        })
        .await
    });
    has_begun.await.unwrap();
    (go_on, held)
}

/// Lets all of `works` meet in the line, and answers what became of them.
async fn together(db: &Db, works: &[(String, End)]) -> Vec<Result<Result<(), Error>, bool>> {
    let (go_on, held) = hold(db).await;
    let mut waiting = Vec::new();
    for (sql, end) in works {
        waiting.push(in_line(write(db.clone(), sql.clone(), *end)).await);
    }
    go_on.send(()).unwrap();
    held.await.unwrap().unwrap();
    let mut outcomes = Vec::new();
    for written in waiting {
        outcomes.push(written.await.map_err(|error| error.is_panic()));
    }
    outcomes
}

async fn heads(db: &Db) -> Vec<i64> {
    let sql = "SELECT partition FROM head ORDER BY partition";
    let rows = db.reader().query_all_raw(Statement::from_string(db.backend(), sql)).await.unwrap();
    rows.iter().map(|row| i64::from(row.try_get::<i32>("", "partition").unwrap())).collect()
}

/// How often something was committed, counted in the log: the last frame of a commit names the size of the
/// file, the others zero.
async fn commits(db: &Db) -> usize {
    let sql = "SELECT file FROM pragma_database_list WHERE name = 'main'";
    let row = db.reader().query_one_raw(Statement::from_string(db.backend(), sql)).await.unwrap();
    let file: String = row.unwrap().try_get("", "file").unwrap();
    let log = std::fs::read(PathBuf::from(file + "-wal")).unwrap();
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let frame = 24 + number(8) as usize;
    (32..log.len()).step_by(frame).filter(|at| number(at + 4) != 0).count()
}

#[tokio::test]
async fn writes_that_wait_share_a_commit() {
    let fresh = fresh().await;
    let before = commits(&fresh.db).await;
    let works: Vec<_> = (0..200).map(|row| (head(row), End::Ok)).collect();
    for outcome in together(&fresh.db, &works).await {
        outcome.unwrap().unwrap();
    }
    let commits = commits(&fresh.db).await - before;
    println!("200 writes in {commits} commits");
    assert_eq!(heads(&fresh.db).await, (0..200).collect::<Vec<_>>());
    // 64 at once, and fewer where the machine is slow.
    assert!((4..=100).contains(&commits), "{commits} commits");
}

#[tokio::test]
async fn a_write_alone_is_a_commit() {
    let fresh = fresh().await;
    let before = commits(&fresh.db).await;
    for row in 0..3 {
        write(fresh.db.clone(), head(row), End::Ok).await.unwrap();
    }
    assert_eq!(commits(&fresh.db).await, before + 3);
}

/// Wherever in the group they stand. On a slow machine they may not have met: then another round is played.
#[tokio::test]
async fn neighbours_that_fail_cost_the_others_nothing_and_leave_nothing() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let orders: [&[End]; 4] = [
        &[End::Ok, End::Err, End::Panic, End::Ok],
        &[End::Err, End::Ok, End::Panic, End::Ok, End::Err],
        &[End::Panic, End::Ok, End::Err, End::Ok, End::Panic],
        &[End::Ok, End::Panic, End::Panic, End::Err, End::Err, End::Ok],
    ];
    let mut expected = Vec::new();
    for (nth, ends) in orders.into_iter().enumerate() {
        let mut shared = false;
        for round in 0..100 {
            let before = commits(db).await;
            let first = (nth * 100 + round) as i64 * 10;
            let works: Vec<_> = (first..).map(head).zip(ends.iter().copied()).collect();
            let outcomes = together(db, &works).await;
            for ((row, end), outcome) in (first..).zip(ends).zip(outcomes) {
                match (end, outcome) {
                    (End::Ok, Ok(Ok(()))) => expected.push(row),
                    (End::Err, Ok(Err(Error::Corrupt { .. }))) | (End::Panic, Err(true)) => {}
                    (end, outcome) => panic!("{end:?} answered {outcome:?}"),
                }
            }
            assert_eq!(heads(db).await, expected);
            shared = commits(db).await == before + 1;
            if shared {
                break;
            }
        }
        assert!(shared, "{ends:?} did not share a commit in 100 rounds");
    }
}

#[tokio::test]
async fn nobody_is_told_before_the_commit_and_then_all_can_read() {
    let fresh = fresh().await;
    let db = &fresh.db;
    for round in 0..100 {
        let (go_on, held) = hold(db).await;
        let twin = |db: Db| async move { write(db, head(round), End::Ok).await };
        let first = in_line(twin(db.clone())).await;
        let second = in_line(twin(db.clone())).await;
        let (begun, has_begun) = oneshot::channel();
        let (finish, may_finish) = oneshot::channel::<()>();
        let last = db.clone();
        let last = in_line(async move {
            last.write(|_| {
                Box::pin(async move {
                    begun.send(()).unwrap();
                    may_finish.await.unwrap();
                    Ok(())
                })
            })
            .await
        });
        let last = last.await;
        go_on.send(()).unwrap();
        has_begun.await.unwrap();
        // Where the three met, the first has written and nobody sees it yet.
        let met = !heads(db).await.contains(&round);
        if met {
            assert!(!first.is_finished() && !second.is_finished());
        }
        finish.send(()).unwrap();
        // Refused because of a row that it was not alone to see.
        assert!(matches!(second.await.unwrap(), Err(Error::Conflict(_))));
        assert!(heads(db).await.contains(&round));
        first.await.unwrap().unwrap();
        last.await.unwrap().unwrap();
        held.await.unwrap().unwrap();
        if met {
            return;
        }
    }
    panic!("three writes did not meet in 100 rounds");
}

#[tokio::test]
async fn callers_that_go_away_in_line_lose_no_write() {
    let fresh = fresh().await;
    let (go_on, held) = hold(&fresh.db).await;
    for row in 0..20 {
        let gone = in_line(write(fresh.db.clone(), head(row), End::Ok)).await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    go_on.send(()).unwrap();
    held.await.unwrap().unwrap();
    // Behind all of them.
    write(fresh.db.clone(), head(20), End::Ok).await.unwrap();
    assert_eq!(heads(&fresh.db).await, (0..=20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_come_first_served() {
    let fresh = fresh().await;
    let served = Arc::new(Mutex::new(Vec::new()));
    let (go_on, held) = hold(&fresh.db).await;
    let mut waiting = Vec::new();
    for row in 0..150 {
        let (db, served) = (fresh.db.clone(), Arc::clone(&served));
        let written = in_line(async move {
            db.write(move |_| {
                Box::pin(async move {
                    served.lock().unwrap().push(row);
                    Ok(())
                })
            })
            .await
        });
        waiting.push(written.await);
    }
    go_on.send(()).unwrap();
    held.await.unwrap().unwrap();
    for written in waiting {
        written.await.unwrap().unwrap();
    }
    assert_eq!(*served.lock().unwrap(), (0..150).collect::<Vec<_>>());
}

/// SQLite takes the whole transaction back when there is no room for a page.
#[tokio::test]
async fn a_full_disk_is_success_to_nobody_and_the_next_write_goes_on() {
    let big = |row: i64| {
        format!(
            "INSERT INTO event (partition, seq, agent, body) VALUES (1, {row}, '', \
             zeroblob(100000))"
        )
    };
    for end in [End::Ok, End::Hide] {
        for works in [
            [(head(1), End::Ok), (big(1), end), (head(2), End::Ok)],
            [(big(2), end), (head(1), End::Ok), (head(2), End::Ok)],
        ] {
            let mut shared = false;
            for _ in 0..100 {
                let fresh = fresh().await;
                let full = "PRAGMA max_page_count = 1".to_owned();
                write(fresh.db.clone(), full, End::Ok).await.unwrap();
                let before = heads(&fresh.db).await;
                assert!(before.is_empty());
                let outcomes = together(&fresh.db, &works).await;
                let mut acknowledged = Vec::new();
                for ((sql, _), outcome) in works.iter().zip(outcomes) {
                    match outcome.unwrap() {
                        Ok(()) => acknowledged.push(sql.clone()),
                        Err(error) => assert!(error.is_retryable(), "{sql}: {error:?}"),
                    }
                }
                let kept: Vec<String> = heads(&fresh.db).await.into_iter().map(head).collect();
                assert_eq!(kept, acknowledged, "what is kept is what was acknowledged");
                assert!(kept.contains(&head(2)), "who came later was not held up");
                write(fresh.db.clone(), head(3), End::Ok).await.unwrap();
                // Where they met, the small one was lost with the big one.
                shared = works[0].0 != head(1) || !kept.contains(&head(1));
                if shared {
                    break;
                }
            }
            assert!(shared, "a big write and a small one did not meet in 100 rounds");
        }
    }
}

#[tokio::test]
async fn a_commit_that_fails_fails_for_all_of_its_group() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let child = "CREATE TABLE child (head smallint REFERENCES head (partition) \
                 DEFERRABLE INITIALLY DEFERRED)";
    write(db.clone(), child.into(), End::Ok).await.unwrap();
    for round in 0..100 {
        // Checked at COMMIT only.
        let orphan = ("INSERT INTO child VALUES (-1)".to_owned(), End::Ok);
        let outcomes = together(db, &[(head(round), End::Ok), orphan]).await;
        let [small, orphan] = outcomes.try_into().unwrap();
        assert!(matches!(orphan, Ok(Err(Error::Unknown(_)))), "{orphan:?}");
        let kept = heads(db).await.contains(&round);
        assert_eq!(small.unwrap().is_ok(), kept);
        write(db.clone(), head(1_000 + round), End::Ok).await.unwrap();
        if !kept {
            return;
        }
    }
    panic!("two writes did not meet in 100 rounds");
}
