//! Tailing while many write (T06): a reader that has seen seq n has seen everything below n. The control
//! does the same on an identity column and must lose, or the test proves nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use db::Db;
use kernel::{Position, Timestamp, WorkspaceId};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use testkit::TestDb;

use super::append::append;
use super::keys::KnownKeys;
use super::{Appended, LedgerReader, LedgerWriter, NewEntry};
use crate::Migrator;
use crate::domain::Fingerprint;
use crate::domain::key_run::Sizes;

const WRITERS: i64 = 16;
const COMMITS: i64 = 40;

fn entry(workspace: WorkspaceId) -> NewEntry {
    NewEntry {
        workspace,
        partition: workspace.partition(),
        kind: 10,
        occurred: Timestamp::EPOCH,
        key_hash: None,
        body_hash: Fingerprint::of(b""),
        trace: None,
        record: Vec::new(),
    }
}

/// Two replicas write to one partition, some of their transactions roll back, and a reader follows.
async fn a_tail_misses_nothing(db: TestDb) {
    let replicas = [db.db.clone(), db.another().await];
    let ledgers = replicas.clone().map(LedgerWriter::new);
    let workspace = WorkspaceId::new(1).unwrap();
    let writing = Arc::new(AtomicBool::new(true));
    let tail = tokio::spawn(follow(db.db.clone(), workspace, Arc::clone(&writing)));
    let writers = (0..WRITERS).map(|writer| {
        let replica = (writer % 2) as usize;
        let (db, ledger) = (replicas[replica].clone(), ledgers[replica].clone());
        tokio::spawn(async move {
            let mut acked = Vec::new();
            for commit in 0..COMMITS {
                if (writer + commit) % 7 == 0 {
                    write_and_roll_back(&db, workspace).await;
                } else {
                    acked.extend(write(&ledger, workspace).await);
                }
            }
            acked
        })
    });
    let mut acked = BTreeSet::new();
    for writer in writers.collect::<Vec<_>>() {
        acked.extend(writer.await.unwrap());
    }
    writing.store(false, Ordering::SeqCst);
    let seen = tail.await.unwrap();
    assert_eq!(acked.into_iter().collect::<Vec<_>>(), (1..=seen.len() as i64).collect::<Vec<_>>());
    assert_eq!(
        seen,
        (1..=seen.len() as i64).collect::<Vec<_>>(),
        "in order, each once, none missed"
    );
}

async fn write_and_roll_back(db: &Db, workspace: WorkspaceId) {
    let mut known = KnownKeys::new(Sizes::USUAL).hold([workspace.partition()].into()).await;
    let nothing: Result<(), db::Error> = db
        .write_rows(move |txn| {
            Box::pin(async move {
                let entries = [entry(workspace), entry(workspace)];
                drop(append(txn, &entries, Timestamp::EPOCH, &mut known).await?);
                Err(db::Error::corrupt("test", "roll", "back"))
            })
        })
        .await;
    assert!(nothing.is_err());
}

async fn write(ledger: &LedgerWriter, workspace: WorkspaceId) -> Vec<i64> {
    let entries = [entry(workspace), entry(workspace)];
    let (answers, _) = ledger.append(entries.into(), Timestamp::EPOCH).await.unwrap();
    let answers = answers.into_iter();
    answers
        .map(|answer| match answer {
            Appended::New { position, .. } => position.seq,
            other => panic!("nothing was keyed: {other:?}"),
        })
        .collect()
}

async fn follow(db: Db, workspace: WorkspaceId, writing: Arc<AtomicBool>) -> Vec<i64> {
    let reader = LedgerReader(db);
    let mut seen: Vec<i64> = Vec::new();
    loop {
        let last = !writing.load(Ordering::SeqCst);
        let cursor =
            Position { partition: workspace.partition(), seq: seen.last().copied().unwrap_or(0) };
        let rows = reader.after(cursor, 64).await.unwrap();
        let idle = rows.is_empty();
        seen.extend(rows.into_iter().map(|row| row.position.seq));
        if idle && last {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_misses_nothing_on_sqlite() {
    a_tail_misses_nothing(testkit::sqlite::<Migrator>("ingest").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_misses_nothing_on_postgres() {
    a_tail_misses_nothing(testkit::postgres::<Migrator>("ingest").await).await;
}

/// Two replicas each write to the same dozen partitions in one commit, in whatever order their rows come.
async fn commits_of_many_partitions_wait_for_each_other(db: TestDb) {
    let replicas = [db.db.clone(), db.another().await].map(LedgerWriter::new);
    let workspaces: Vec<WorkspaceId> = (1..=12).filter_map(WorkspaceId::new).collect();
    let writers = (0..WRITERS).map(|writer| {
        let ledger = replicas[(writer % 2) as usize].clone();
        let mut entries: Vec<NewEntry> = workspaces.iter().copied().map(entry).collect();
        entries.rotate_left(writer as usize % 12);
        let entries: Arc<[NewEntry]> = entries.into();
        tokio::spawn(async move {
            for _ in 0..COMMITS {
                let entries = Arc::clone(&entries);
                ledger.append(entries, Timestamp::EPOCH).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let heads = LedgerReader(db.db.clone()).heads().await.unwrap();
    assert_eq!(heads.iter().map(|head| head.seq).sum::<i64>(), WRITERS * COMMITS * 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_of_many_partitions_wait_for_each_other_on_sqlite() {
    commits_of_many_partitions_wait_for_each_other(testkit::sqlite::<Migrator>("ingest").await)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_of_many_partitions_wait_for_each_other_on_postgres() {
    commits_of_many_partitions_wait_for_each_other(testkit::postgres::<Migrator>("ingest").await)
        .await;
}

#[derive(FromQueryResult)]
struct Id {
    id: i64,
}

/// The control: numbers drawn from a sequence become visible out of order, and a cursor passes them by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_of_a_plain_sequence_loses_rows() {
    let fresh = testkit::postgres::<Migrator>("ingest").await;
    let db = fresh.db.clone();
    execute(&db, "CREATE TABLE naive (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY)").await;
    const ROUNDS: usize = 200;
    for _ in 0..ROUNDS {
        if lost_one(&db).await {
            return;
        }
    }
    panic!("a plain sequence lost nothing in {ROUNDS} rounds: the test above proves nothing");
}

/// One writer draws a number and waits; another draws the next and commits; the reader looks in between.
async fn lost_one(db: &Db) -> bool {
    let (drawn, wait) =
        (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let slow = tokio::spawn({
        let (db, drawn, wait) = (db.clone(), Arc::clone(&drawn), Arc::clone(&wait));
        async move {
            db.write(move |txn| {
                Box::pin(async move {
                    insert(txn).await?;
                    drawn.notify_one();
                    wait.notified().await;
                    Ok::<_, db::Error>(())
                })
            })
            .await
        }
    });
    drawn.notified().await;
    execute(db, "INSERT INTO naive DEFAULT VALUES").await;
    let mut cursor = 0;
    let mut seen = read(db, &mut cursor).await;
    wait.notify_one();
    slow.await.unwrap().unwrap();
    seen += read(db, &mut cursor).await;
    let mut from_the_start = 0;
    seen < read(db, &mut from_the_start).await
}

async fn insert(txn: &impl ConnectionTrait) -> Result<(), db::Error> {
    let sql = "INSERT INTO naive DEFAULT VALUES";
    txn.execute_raw(Statement::from_string(txn.get_database_backend(), sql)).await?;
    Ok(())
}

async fn execute(db: &Db, sql: &'static str) {
    db.write(move |txn| {
        Box::pin(async move {
            txn.execute_raw(Statement::from_string(txn.get_database_backend(), sql)).await?;
            Ok::<_, db::Error>(())
        })
    })
    .await
    .unwrap();
}

async fn read(db: &Db, cursor: &mut i64) -> usize {
    let sql = format!("SELECT id FROM naive WHERE id > {cursor} ORDER BY id");
    let rows = Id::find_by_statement(Statement::from_string(db.backend(), sql))
        .all(db.reader())
        .await
        .unwrap();
    *cursor = rows.last().map_or(*cursor, |row| row.id);
    rows.len()
}
