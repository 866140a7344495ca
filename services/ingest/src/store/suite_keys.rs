//! The store's contract for keys, against a model: with runs so small that every few entries make one.

use std::collections::{BTreeMap, HashMap};

use db::Db;
use kernel::{IdSource, WorkspaceId};
use sea_orm::{ConnectionTrait, Statement};
use testkit::{PostgresServer, SeededIds};
use tokio_util::sync::CancellationToken;

use super::suite::{NOW, entry, workspace};
use super::{Appended, LedgerWriter, NewEntry};
use crate::domain::key_run::Sizes;

testkit::store_suite! {
    suite: crate::store::suite_keys,
    migrator: crate::Migrator,
    backends: [sqlite, postgres],
    cases: [
        a_key_is_used_once_whoever_appends_and_however_long_ago_it_was,
        a_key_is_used_once_by_many_who_append_at_once,
        keys_that_begin_alike_are_two_keys,
        a_run_that_did_not_commit_is_not_known,
        a_ledger_of_before_gets_its_runs,
        what_did_not_commit_is_not_known,
        runs_that_are_gone_are_made_again,
        runs_with_a_gap_are_refused,
    ],
}

const SMALL: Sizes = Sizes { run: 8, merged: 3, growths: 2, block: 4 };

/// On PostgreSQL only: a process has the file of SQLite open, and no copy takes its place.
#[tokio::test]
async fn what_is_gone_with_the_files_of_the_server_is_not_known() {
    let mut server = PostgresServer::start().await;
    let settings = db::Settings { url: server.url(), context: "put_back", connections: 4 };
    let db = Db::open(&settings).await.unwrap();
    db.migrate::<crate::Migrator>().await.unwrap();
    let some = |from: i64, to: i64| {
        (from..to).map(|n| entry(workspace(1), Some(&n.to_string()), "a")).collect::<Vec<_>>()
    };
    let another = Db::open(&settings).await.unwrap();
    let [one, other] = [db, another].map(|db| LedgerWriter::with_sizes(db, SMALL));
    append(&one, some(0, 10)).await;
    server.keep_files().await;
    append(&one, some(10, 20)).await;
    server.put_files_back().await;
    append(&other, some(100, 110)).await;
    let again = append(&one, some(100, 110)).await;
    assert_eq!(again, (11..=20).map(Told::Duplicate).collect::<Vec<_>>());
    let lost = append(&one, some(10, 12)).await;
    assert_eq!(lost, [Told::New(21), Told::New(22)], "they were acknowledged and are gone");
}

/// What an append has to answer.
#[derive(Debug, PartialEq)]
enum Told {
    New(i64),
    Duplicate(i64),
    Conflict(i64),
}

fn told(answer: &Appended) -> Told {
    match answer {
        Appended::New { position, .. } => Told::New(position.seq),
        Appended::Duplicate { position, .. } => Told::Duplicate(position.seq),
        Appended::Conflict { position, .. } => Told::Conflict(position.seq),
    }
}

/// Every key ever used, and the heads.
#[derive(Default)]
struct Model {
    used: HashMap<(WorkspaceId, String), (i64, String)>,
    heads: HashMap<kernel::Partition, i64>,
}

impl Model {
    fn append(&mut self, workspace: WorkspaceId, key: Option<&str>, body: &str) -> Told {
        if let Some((seq, stands)) = key.and_then(|key| self.used.get(&(workspace, key.to_owned())))
        {
            return if stands == body { Told::Duplicate(*seq) } else { Told::Conflict(*seq) };
        }
        let head = self.heads.entry(workspace.partition()).or_default();
        *head += 1;
        if let Some(key) = key {
            self.used.insert((workspace, key.to_owned()), (*head, body.to_owned()));
        }
        Told::New(*head)
    }
}

async fn append(ledger: &LedgerWriter, entries: Vec<NewEntry>) -> Vec<Told> {
    let (answers, _) = ledger.append(entries.into(), NOW).await.unwrap();
    answers.iter().map(told).collect()
}

pub(crate) async fn a_key_is_used_once_whoever_appends_and_however_long_ago_it_was(db: Db) {
    let dice = SeededIds::new(11);
    let roll = |sides: i64| dice.next_i64() % sides;
    let fresh = || LedgerWriter::with_sizes(db.clone(), SMALL);
    let mut ledgers = [fresh(), fresh(), fresh()];
    let (mut model, mut repeats) = (Model::default(), 0);
    for round in 0..500 {
        let who = usize::try_from(roll(3)).unwrap();
        if roll(20) == 0 {
            // Started again.
            ledgers[who] = fresh();
            ledgers[who].read_keys(&CancellationToken::new()).await.unwrap();
        }
        let (mut entries, mut wanted) = (Vec::new(), Vec::new());
        for _ in 0..=roll(6) {
            // 1 and 2 share a partition.
            let (workspace, key) = (workspace(1 + roll(3)), roll(1_500).to_string());
            let key = (roll(10) > 0).then_some(key.as_str());
            let body = if roll(8) == 0 { "other" } else { "same" };
            entries.push(entry(workspace, key, body));
            wanted.push(model.append(workspace, key, body));
        }
        repeats += wanted.iter().filter(|told| !matches!(told, Told::New(_))).count();
        assert_eq!(append(&ledgers[who], entries).await, wanted, "round {round}");
    }
    assert!(repeats > 100 && model.used.len() > 500, "{repeats} of {}", model.used.len());
    for (workspace, key) in model.used.keys() {
        let keys = [crate::domain::Fingerprint::of_key(*workspace, key)];
        assert!(ledgers[0].all_stand(*workspace, keys.into()).await.unwrap());
    }
}

pub(crate) async fn a_key_is_used_once_by_many_who_append_at_once(db: Db) {
    const KEYS: i64 = 600;
    let ledgers = [(); 3].map(|()| LedgerWriter::with_sizes(db.clone(), SMALL));
    let appending = (0..9).map(|n| {
        let (db, mut ledger) = (db.clone(), ledgers[n % 3].clone());
        tokio::spawn(async move {
            let dice = SeededIds::new(n as u64);
            let roll = |sides: i64| dice.next_i64() % sides;
            let mut told = Vec::new();
            for round in 0..60 {
                if n == 0 && round % 10 == 9 {
                    // Started again, beside those that go on.
                    ledger = LedgerWriter::with_sizes(db.clone(), SMALL);
                    ledger.read_keys(&CancellationToken::new()).await.unwrap();
                }
                let used: Vec<_> =
                    (0..=roll(8)).map(|_| (1 + roll(3), roll(KEYS).to_string())).collect();
                let entry =
                    |(number, key): &(i64, String)| entry(workspace(*number), Some(key), "a");
                let answers = append(&ledger, used.iter().map(entry).collect()).await;
                told.extend(used.into_iter().zip(answers));
            }
            told
        })
    });
    let mut by_key = HashMap::<_, Vec<Told>>::new();
    for told in appending.collect::<Vec<_>>() {
        for (key, told) in told.await.unwrap() {
            by_key.entry(key).or_default().push(told);
        }
    }
    assert!(by_key.values().any(|told| told.len() > 3), "keys met");
    let mut seqs = BTreeMap::<_, Vec<i64>>::new();
    // By what the three have written together.
    let stranger = LedgerWriter::with_sizes(db, SMALL);
    for (key, told) in by_key {
        let new: Vec<i64> = told
            .iter()
            .filter_map(|told| if let Told::New(seq) = told { Some(*seq) } else { None })
            .collect();
        let [first] = new[..] else { panic!("{key:?} was written at {new:?}") };
        let repeats = told.iter().filter(|told| **told != Told::New(first));
        assert!(
            repeats.into_iter().all(|told| *told == Told::Duplicate(first)),
            "{key:?} {told:?}"
        );
        let (workspace, name) = (workspace(key.0), &key.1);
        seqs.entry(workspace.partition()).or_default().push(first);
        let again = append(&stranger, vec![entry(workspace, Some(name), "a")]).await;
        assert_eq!(again, [Told::Duplicate(first)], "{key:?}");
    }
    for (partition, mut seqs) in seqs {
        seqs.sort_unstable();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "{partition:?} has no hole");
    }
}

pub(crate) async fn keys_that_begin_alike_are_two_keys(db: Db) {
    let alike = |ends: u8| {
        let mut key = [7; 16];
        key[15] = ends;
        let key_hash = crate::domain::Fingerprint::from_row(&key);
        vec![NewEntry { key_hash, ..entry(workspace(1), None, "a") }]
    };
    // In memory, and in a run once there are enough for one.
    let ledger = LedgerWriter::with_sizes(db, SMALL);
    for n in 1..=2 * SMALL.run {
        assert_eq!(append(&ledger, alike(n as u8)).await, [Told::New(n)]);
    }
    for n in 1..=2 * SMALL.run {
        assert_eq!(append(&ledger, alike(n as u8)).await, [Told::Duplicate(n)]);
    }
}

pub(crate) async fn a_run_that_did_not_commit_is_not_known(db: Db) {
    let ledger = LedgerWriter::with_sizes(db.clone(), SMALL);
    let mut both = [workspace(1), workspace(3)];
    both.sort_by_key(|workspace| workspace.partition());
    let entries = |from: i64, to: i64| {
        let of_both = |n: i64| both.map(|workspace| entry(workspace, Some(&n.to_string()), "a"));
        (from..to).flat_map(of_both).collect::<Vec<_>>()
    };
    append(&ledger, entries(1, SMALL.run)).await;
    // The run of the first is written, and then that of the second is not.
    let wrong = "INSERT INTO key_block (partition, last_seq, number, after_seq, blocks, keys) \
                 SELECT partition, 1000, 0, 0, 1, key_hash FROM event ORDER BY partition DESC LIMIT 1";
    execute(&db, wrong).await;
    let due = entries(SMALL.run, SMALL.run + 1);
    assert!(ledger.append(due.clone().into(), NOW).await.is_err());
    execute(&db, "DELETE FROM key_block WHERE last_seq = 1000").await;
    assert_eq!(append(&ledger, due).await, [Told::New(SMALL.run), Told::New(SMALL.run)]);
    let all = append(&ledger, entries(1, SMALL.run + 1)).await;
    assert!(all.iter().all(|told| matches!(told, Told::Duplicate(_))), "{all:?}");
}

pub(crate) async fn a_ledger_of_before_gets_its_runs(db: Db) {
    let without = LedgerWriter::with_sizes(db.clone(), Sizes { run: i64::MAX, ..SMALL });
    let all = || (0..100).map(|n| entry(workspace(1), Some(&n.to_string()), "a")).collect();
    append(&without, all()).await;
    LedgerWriter::with_sizes(db.clone(), SMALL).read_keys(&CancellationToken::new()).await.unwrap();
    let sql = "SELECT max(last_seq), sum(length(keys)) / 12 FROM key_block";
    let row = db.reader().query_one_raw(Statement::from_string(db.backend(), sql));
    let row = row.await.unwrap().unwrap();
    let found: (i64, i64) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
    assert_eq!(found, (100, 100));
    let again = append(&LedgerWriter::with_sizes(db, SMALL), all()).await;
    assert_eq!(again, (1..=100).map(Told::Duplicate).collect::<Vec<_>>());
}

pub(crate) async fn what_did_not_commit_is_not_known(db: Db) {
    let ledger = LedgerWriter::with_sizes(db.clone(), SMALL);
    let ten = |from: i64| {
        (from..from + 10)
            .map(|n| entry(workspace(1), Some(&n.to_string()), "a"))
            .collect::<Vec<_>>()
    };
    append(&ledger, ten(0)).await;
    // As on a disk that is full.
    execute(&db, "ALTER TABLE event RENAME TO elsewhere").await;
    assert!(ledger.append(ten(10).into(), NOW).await.is_err());
    execute(&db, "ALTER TABLE elsewhere RENAME TO event").await;
    let again = append(&ledger, ten(10)).await;
    assert_eq!(again, (11..=20).map(Told::New).collect::<Vec<_>>());
    let all = [ten(0), ten(10)].concat();
    let again = append(&ledger, all).await;
    assert_eq!(again, (1..=20).map(Told::Duplicate).collect::<Vec<_>>());
}

pub(crate) async fn runs_that_are_gone_are_made_again(db: Db) {
    let ledger = LedgerWriter::with_sizes(db.clone(), SMALL);
    let all = || (0..100).map(|n| entry(workspace(1), Some(&n.to_string()), "a")).collect();
    append(&ledger, all()).await;
    execute(&db, "DELETE FROM key_block").await;
    let again = append(&ledger, all()).await;
    assert_eq!(again, (1..=100).map(Told::Duplicate).collect::<Vec<_>>());
}

pub(crate) async fn runs_with_a_gap_are_refused(db: Db) {
    let all = || (0..100).map(|n| entry(workspace(1), Some(&n.to_string()), "a")).collect();
    let ledger = LedgerWriter::with_sizes(db.clone(), SMALL);
    for n in 0..100_u32 {
        let one = vec![entry(workspace(1), Some(&n.to_string()), "a")];
        append(&ledger, one).await;
    }
    for gap in [
        "DELETE FROM key_block WHERE last_seq = (SELECT min(last_seq) FROM key_block)",
        "DELETE FROM key_block WHERE number = 1",
        "DELETE FROM key_block WHERE number = blocks - 1",
        "DELETE FROM key_block WHERE number = 0 \
         AND last_seq = (SELECT max(last_seq) FROM key_block)",
        "UPDATE key_block SET keys = substr(keys, 1, 0) WHERE number = 1",
        "UPDATE key_block SET last_seq = last_seq + 1000",
    ] {
        execute(&db, "CREATE TABLE kept AS SELECT * FROM key_block").await;
        execute(&db, gap).await;
        let started = LedgerWriter::with_sizes(db.clone(), SMALL);
        let refused = started.read_keys(&CancellationToken::new()).await.unwrap_err();
        assert!(refused.to_string().contains("delete all rows of key_block"), "{refused}");
        let appended = started.append(all(), NOW).await;
        assert!(appended.is_err(), "{gap}");
        execute(&db, "DELETE FROM key_block").await;
        execute(&db, "INSERT INTO key_block SELECT * FROM kept").await;
        execute(&db, "DROP TABLE kept").await;
    }
    let again = LedgerWriter::with_sizes(db, SMALL).append(all(), NOW).await;
    assert!(again.unwrap().0.iter().all(|answer| matches!(told(answer), Told::Duplicate(_))));
}

async fn execute(db: &Db, sql: &'static str) {
    let done = db.write::<_, (), db::Error>(move |txn| {
        Box::pin(async move {
            txn.execute_raw(Statement::from_string(txn.get_database_backend(), sql)).await?;
            Ok(())
        })
    });
    done.await.unwrap();
}
