//! The store's contract for usage and for values of dimensions.

use std::collections::BTreeSet;

use db::Db;
use kernel::{Position, Timestamp, WorkspaceId};

use super::suite::{commit, entry, new_workspace, workspace};
use super::{AccessStore, Counted, DimensionStore, LedgerWriter, MonthlyEvents, UsageStore};
use crate::domain::dimensions::ValueDigest;
use crate::domain::workspace::Change;
use crate::domain::{Dimension, Fingerprint, Month};
use crate::store::suite::key_of;

testkit::store_suite! {
    suite: crate::store::suite_limits,
    migrator: crate::Migrator,
    backends: [sqlite, postgres],
    cases: [
        entries_are_counted_once_by_workspace_and_month_of_recording,
        of_replicas_that_count_at_once_one_does,
        a_partition_is_metered_while_a_workspace_of_it_has_a_quota,
        keys_stand_when_all_of_them_do,
        values_are_kept_once_and_by_workspace,
    ],
}

const JUNE: &str = "2026-06-30T23:59:59.999999Z";
const JULY: &str = "2026-07-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn record(db: &Db, workspace: WorkspaceId, count: usize, recorded: Timestamp) {
    let entries = vec![entry(workspace, None, "a"); count];
    let ledger = LedgerWriter::new(db.clone());
    ledger.append(entries.into(), recorded).await.unwrap();
}

pub(crate) async fn entries_are_counted_once_by_workspace_and_month_of_recording(db: Db) {
    // 1 and 2 share a partition.
    let (one, two) = (workspace(1), workspace(2));
    let (june, july) = (at(JUNE), at(JULY));
    record(&db, one, 3, june).await;
    record(&db, two, 4, june).await;
    record(&db, one, 5, july).await;
    let store = UsageStore(db.clone());
    let start = Position { partition: one.partition(), seq: 0 };
    assert_eq!(store.used(one, Month::of(june)).await.unwrap(), (0, 0));
    assert_eq!(store.count(start, 8).await.unwrap(), Counted::To(8));
    // Said again by one who does not know yet.
    assert_eq!(store.count(start, 12).await.unwrap(), Counted::Elsewhere(8));
    let used = async |workspace, month| store.used(workspace, Month::of(month)).await.unwrap();
    assert_eq!(used(one, june).await, (3, 8));
    assert_eq!(used(two, june).await, (4, 8));
    assert_eq!(used(one, july).await, (1, 8));
    assert_eq!(store.count(Position { seq: 8, ..start }, 12).await.unwrap(), Counted::To(12));
    assert_eq!((used(one, june).await, used(one, july).await), ((3, 12), (5, 12)));
    // What is known need not be read, and is added once as well.
    record(&db, one, 2, july).await;
    let known = || MonthlyEvents::from([((one, Month::of(july)), 2)]);
    let behind = Position { seq: 12, ..start };
    assert_eq!(store.add(behind, 14, known()).await.unwrap(), Counted::To(14));
    assert_eq!(store.add(behind, 14, known()).await.unwrap(), Counted::Elsewhere(14));
    assert_eq!(used(one, july).await, (7, 14));
    // Duplicates are no entries.
    let repeated = || vec![entry(two, Some("k"), "a")];
    commit(&db, repeated()).await;
    commit(&db, repeated()).await;
    let cursors = store.cursors().await.unwrap();
    assert_eq!(cursors.len(), 64);
    assert!(cursors.contains(&Position { seq: 14, ..start }));
}

pub(crate) async fn of_replicas_that_count_at_once_one_does(db: Db) {
    let ws = workspace(1);
    record(&db, ws, 50, at(JUNE)).await;
    let store = UsageStore(db);
    let start = Position { partition: ws.partition(), seq: 0 };
    let replicas = (0..6).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.count(start, 40 + n).await })
    });
    let mut counted = Vec::new();
    for replica in replicas.collect::<Vec<_>>() {
        if let Counted::To(seq) = replica.await.unwrap().unwrap() {
            counted.push(seq);
        }
    }
    assert_eq!(counted.len(), 1, "{counted:?}");
    let used = store.used(ws, Month::of(at(JUNE))).await.unwrap();
    assert_eq!(used, (counted[0] as u64, counted[0]));
}

pub(crate) async fn a_partition_is_metered_while_a_workspace_of_it_has_a_quota(db: Db) {
    let (access, store) = (AccessStore(db.clone()), UsageStore(db));
    let ws = workspace(1);
    access.create(new_workspace(1, "one"), key_of(ws, 1, Timestamp::EPOCH)).await.unwrap();
    let quota = async |soft, hard| {
        let change = Change {
            quota_soft: Some(soft),
            quota_hard: Some(hard),
            per_second: Some(9),
            ..Change::default()
        };
        access.change(ws, change).await.unwrap();
        store.metered().await.unwrap()
    };
    assert_eq!(store.metered().await.unwrap(), BTreeSet::new());
    let its = BTreeSet::from([ws.partition()]);
    assert_eq!((quota(1, 0).await, quota(0, 1).await), (its.clone(), its));
    assert_eq!(quota(0, 0).await, BTreeSet::new());
}

pub(crate) async fn keys_stand_when_all_of_them_do(db: Db) {
    let (one, two) = (workspace(1), workspace(2));
    commit(&db, vec![entry(one, Some("a"), "a"), entry(one, Some("b"), "b")]).await;
    let ledger = LedgerWriter::new(db);
    let stand = async |workspace, keys: &[&str]| {
        let keys = keys.iter().map(|key| Fingerprint::of_key(workspace, key)).collect();
        ledger.all_stand(workspace, keys).await.unwrap()
    };
    assert!(stand(one, &["a", "b"]).await && stand(one, &["b"]).await);
    assert!(!stand(one, &["a", "c"]).await);
    assert!(!stand(two, &["a"]).await, "another workspace's key is another key");
}

pub(crate) async fn values_are_kept_once_and_by_workspace(db: Db) {
    let store = DimensionStore(db);
    let value = |dimension, text| (dimension, ValueDigest::of(text));
    let some = vec![value(Dimension::Agent, "a"), value(Dimension::Queue, "a")];
    let more = vec![value(Dimension::Agent, "a"), value(Dimension::Agent, "b")];
    let (one, other) = tokio::join!(
        store.keep(workspace(1), some.clone()),
        store.keep(workspace(1), more.clone())
    );
    one.unwrap();
    other.unwrap();
    store.keep(workspace(2), vec![value(Dimension::Model, "a")]).await.unwrap();
    let kept = store.load(workspace(1)).await.unwrap();
    assert_eq!(kept.len(), 3);
    assert!(some.iter().chain(&more).all(|value| kept.contains(value)));
}
