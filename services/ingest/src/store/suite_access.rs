//! The store's contract for keys that give way, and for workspaces that change.

use std::time::Duration;

use db::Db;
use kernel::{Timestamp, WorkspaceId};
use testkit::SeededIds;

use super::suite::{NOW, admin_key, key_of, new_workspace, workspace};
use super::{AccessStore, Rotated};
use crate::domain::workspace::Change;
use crate::domain::{Allowance, ApiKey, BadKey, Keep, KeyRecord, Successor, Workspace};

testkit::store_suite! {
    suite: crate::store::suite_access,
    migrator: crate::Migrator,
    backends: [sqlite, postgres],
    cases: [
        a_key_gives_way_to_another_and_works_on_for_the_overlap,
        a_rotation_asked_for_twice_is_done_once,
        a_key_that_opens_nothing_gives_way_to_none,
        rotations_and_a_revocation_at_once_leave_no_key_that_should_not_be,
        a_use_is_noted_once_a_minute_whoever_notes_it,
        a_workspace_changes_field_by_field_and_keeps_the_rest,
        changes_at_once_lose_none,
    ],
}

const HOUR: Duration = Duration::from_secs(3_600);

fn successor(seed: u64) -> Successor {
    let key = ApiKey::issue(&SeededIds::new(seed));
    Successor { id: key.id, digest: key.digest() }
}

async fn with_key(store: &AccessStore, expires: Option<Timestamp>) -> KeyRecord {
    let key = KeyRecord { expires, ..admin_key(1, None) };
    store.create(new_workspace(7, "one"), key.clone()).await.unwrap();
    key
}

pub(crate) async fn a_key_gives_way_to_another_and_works_on_for_the_overlap(db: Db) {
    let store = AccessStore(db);
    let end = NOW.plus(HOUR * 10);
    let key = with_key(&store, Some(end)).await;
    let next = successor(2);
    let elsewhere = store.rotate(workspace(8), key.id, next, NOW, HOUR).await.unwrap();
    assert_eq!(elsewhere, Rotated::Nowhere);
    let old = KeyRecord { expires: Some(NOW.plus(HOUR)), ..key.clone() };
    let new = KeyRecord { id: next.id, digest: next.digest, ..key.clone() };
    let rotated = store.rotate(workspace(7), key.id, next, NOW, HOUR).await.unwrap();
    assert_eq!(rotated, Rotated::Done { old: old.clone(), new: new.clone() });
    assert_eq!(store.find_key(key.id).await.unwrap(), Some(old));
    assert_eq!(store.find_key(next.id).await.unwrap(), Some(new));
    // A longer overlap than it has to live gives it nothing.
    let rotated = store.rotate(workspace(7), next.id, successor(3), NOW, HOUR * 99).await.unwrap();
    assert!(matches!(rotated, Rotated::Done { old, .. } if old.expires == Some(end)));
}

pub(crate) async fn a_rotation_asked_for_twice_is_done_once(db: Db) {
    let store = AccessStore(db);
    let key = with_key(&store, None).await;
    let twins = (0..8).map(|n| {
        let store = store.clone();
        // The same id, since the request is the same; each has a secret of its own.
        let next = Successor { digest: [n; 32], ..successor(2) };
        tokio::spawn(async move { store.rotate(workspace(7), key.id, next, NOW, HOUR).await })
    });
    let (mut done, mut digests) = (0, Vec::new());
    for twin in twins.collect::<Vec<_>>() {
        match twin.await.unwrap().unwrap() {
            Rotated::Done { new, .. } => {
                done += 1;
                digests.push(new.digest);
            }
            Rotated::Stood { new, .. } => digests.push(new.digest),
            other => panic!("{other:?}"),
        }
    }
    digests.dedup();
    assert_eq!((done, digests.len()), (1, 1), "one secret opens");
    assert_eq!(store.keys(workspace(7), None, 10).await.unwrap().len(), 2);
    // Long after the old one has ended it is still the answer to the same request.
    let late = NOW.plus(HOUR * 2);
    let again = store.rotate(workspace(7), key.id, successor(2), late, HOUR).await.unwrap();
    assert!(matches!(again, Rotated::Stood { .. }), "{again:?}");
}

pub(crate) async fn a_key_that_opens_nothing_gives_way_to_none(db: Db) {
    let store = AccessStore(db);
    let key = with_key(&store, Some(NOW)).await;
    let rotate = |id| store.rotate(workspace(7), id, successor(2), NOW, HOUR);
    assert_eq!(rotate(key.id).await.unwrap(), Rotated::Refused(BadKey::Expired));
    let revoked = key_of(workspace(7), 3, NOW);
    store.add_key(revoked.clone()).await.unwrap();
    store.revoke(workspace(7), revoked.id, NOW, Keep::Nothing).await.unwrap();
    assert_eq!(rotate(revoked.id).await.unwrap(), Rotated::Refused(BadKey::Revoked));
    assert_eq!(rotate(successor(9).id).await.unwrap(), Rotated::Nowhere);
    assert_eq!(store.find_key(successor(2).id).await.unwrap(), None);
}

pub(crate) async fn rotations_and_a_revocation_at_once_leave_no_key_that_should_not_be(db: Db) {
    let store = AccessStore(db);
    let key = with_key(&store, None).await;
    let revoke = store.revoke(workspace(7), key.id, NOW, Keep::Nothing);
    let rotate = |seed| store.rotate(workspace(7), key.id, successor(seed), NOW, HOUR);
    let (revoked, one, other) = tokio::join!(revoke, rotate(2), rotate(3));
    revoked.unwrap();
    let old = store.find_key(key.id).await.unwrap().unwrap();
    assert_eq!(old.revoked, Some(NOW), "whatever came first");
    for (outcome, seed) in [(one.unwrap(), 2), (other.unwrap(), 3)] {
        let stands = store.find_key(successor(seed).id).await.unwrap().is_some();
        assert_eq!(stands, matches!(outcome, Rotated::Done { .. }), "{outcome:?}");
    }
}

pub(crate) async fn a_use_is_noted_once_a_minute_whoever_notes_it(db: Db) {
    let store = AccessStore(db);
    let key = with_key(&store, None).await;
    let minute = Duration::from_secs(60);
    let mut seen = Vec::new();
    for seconds in [0, 30, 59, 60, 30, 130] {
        let at = NOW.plus(Duration::from_secs(seconds));
        store.note_use(key.id, at, minute).await.unwrap();
        let noted = store.find_key(key.id).await.unwrap().unwrap().last_used.unwrap();
        seen.push(noted.since(NOW).as_secs());
    }
    assert_eq!(seen, [0, 0, 0, 60, 60, 130]);
    let listed = store.keys(workspace(7), None, 10).await.unwrap();
    assert_eq!(listed[0].last_used, Some(NOW.plus(Duration::from_secs(130))));
    store.note_use(successor(9).id, NOW, minute).await.unwrap();
}

async fn change(store: &AccessStore, id: WorkspaceId, change: Change) -> Option<Workspace> {
    store.change(id, change).await.unwrap()
}

pub(crate) async fn a_workspace_changes_field_by_field_and_keeps_the_rest(db: Db) {
    let store = AccessStore(db);
    with_key(&store, None).await;
    let mut expected = new_workspace(7, "one");
    assert_eq!(change(&store, expected.id, Change::default()).await, Some(expected.clone()));
    let name = Change { name: Some("two".into()), ..Change::default() };
    expected.name = "two".into();
    assert_eq!(change(&store, expected.id, name).await, Some(expected.clone()));
    let others = Change {
        time_zone: Some("Asia/Tokyo".into()),
        accept_unknown: Some(true),
        per_second: Some(1_000_000),
        burst: Some(10_000_000),
        quota_soft: Some(1),
        quota_hard: Some(1_000_000_000_000_000),
        dimension_values: Some(1_000_000),
        ..Change::default()
    };
    expected.time_zone = "Asia/Tokyo".into();
    expected.accept_unknown = true;
    expected.allowance = Allowance {
        per_second: 1_000_000,
        burst: 10_000_000,
        quota_soft: 1,
        quota_hard: 1_000_000_000_000_000,
        dimension_values: 1_000_000,
    };
    assert_eq!(change(&store, expected.id, others).await, Some(expected.clone()));
    let none = Change { quota_hard: Some(0), ..Change::default() };
    expected.allowance.quota_hard = 0;
    assert_eq!(change(&store, expected.id, none).await, Some(expected.clone()));
    assert_eq!(store.find(expected.id).await.unwrap(), Some(expected));
    assert_eq!(change(&store, workspace(8), Change::default()).await, None);
}

pub(crate) async fn changes_at_once_lose_none(db: Db) {
    let store = AccessStore(db);
    with_key(&store, None).await;
    let changes = [
        Change { name: Some("two".into()), ..Change::default() },
        Change { per_second: Some(5), ..Change::default() },
        Change { quota_hard: Some(6), ..Change::default() },
        Change { dimension_values: Some(7), ..Change::default() },
    ];
    let calls = changes.map(|change| {
        let store = store.clone();
        tokio::spawn(async move { store.change(workspace(7), change).await })
    });
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let now = store.find(workspace(7)).await.unwrap().unwrap();
    let Allowance { per_second, quota_hard, dimension_values, .. } = now.allowance;
    assert_eq!((now.name.as_str(), per_second, quota_hard, dimension_values), ("two", 5, 6, 7));
}
