//! The store's contract, on both databases.

use std::collections::BTreeSet;

use db::Db;
use kernel::{Currency, Position, Timestamp, TraceContext, WorkspaceId};
use testkit::SeededIds;

use super::{
    AccessStore, Appended, CatalogCopyStore, Created, LedgerReader, LedgerWriter, NewEntry, Revoked,
};
use crate::domain::{Allowance, ApiKey, Fingerprint, Keep, KeyRecord, Scope, Workspace};

testkit::store_suite! {
    suite: crate::store::suite,
    migrator: crate::Migrator,
    backends: [sqlite, postgres],
    cases: [
        seq_is_dense_and_starts_at_one,
        a_repeated_event_gets_its_first_place_and_leaves_no_hole,
        the_same_key_with_another_body_is_a_conflict_and_writes_nothing,
        twins_in_one_group_are_written_once,
        a_repeat_behind_a_new_event_takes_no_seq,
        concurrent_twins_are_written_once,
        many_writers_leave_no_gap,
        an_entry_comes_back_as_it_went_in,
        an_entry_of_another_workspace_is_not_there,
        keys_that_differ_in_case_or_accent_are_different,
        a_workspace_asked_for_twice_is_made_once,
        a_key_is_revoked_once_and_by_its_own_workspace_only,
        the_last_admin_key_stands_unless_the_operator_says_so,
        two_admins_that_revoke_each_other_at_once_leave_one,
        pages_of_keys_stay_stable_while_keys_are_added,
        the_catalog_is_kept_and_its_built_ins_are_replaced,
        use_after_close_is_an_error,
    ],
}

pub(super) const NOW: Timestamp = Timestamp::from_micros(1_780_000_000_123_457);

pub(super) fn workspace(number: i64) -> WorkspaceId {
    WorkspaceId::new(number).unwrap()
}

pub(super) fn entry(workspace: WorkspaceId, key: Option<&str>, body: &str) -> NewEntry {
    NewEntry {
        workspace,
        partition: workspace.partition(),
        kind: 10,
        occurred: Timestamp::from_micros(1_770_000_000_000_001),
        key_hash: key.map(|key| Fingerprint::of_key(workspace, key)),
        body_hash: Fingerprint::of(body.as_bytes()),
        trace: None,
        record: body.as_bytes().to_vec(),
    }
}

pub(super) async fn commit(db: &Db, entries: Vec<NewEntry>) -> (Vec<Appended>, Vec<Position>) {
    // Every time by one who knows nothing yet.
    LedgerWriter::new(db.clone()).append(entries.into(), NOW).await.unwrap()
}

fn place(appended: &Appended) -> Position {
    match appended {
        Appended::New { position, .. }
        | Appended::Duplicate { position, .. }
        | Appended::Conflict { position, .. } => *position,
    }
}

pub(crate) async fn seq_is_dense_and_starts_at_one(db: Db) {
    let ws = workspace(1);
    let (first, heads) = commit(&db, vec![entry(ws, None, "a"), entry(ws, None, "a")]).await;
    assert_eq!(first.iter().map(|a| place(a).seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(heads, [Position { partition: ws.partition(), seq: 2 }]);
    let (next, _) = commit(&db, vec![entry(ws, None, "b")]).await;
    assert_eq!(place(&next[0]).seq, 3);
    let read = LedgerReader(db).heads().await.unwrap();
    assert_eq!(read.len(), 64);
    assert_eq!(read.iter().map(|head| head.seq).sum::<i64>(), 3);
}

pub(crate) async fn a_repeated_event_gets_its_first_place_and_leaves_no_hole(db: Db) {
    let ws = workspace(1);
    commit(&db, vec![entry(ws, Some("k"), "a")]).await;
    let (answers, heads) =
        commit(&db, vec![entry(ws, Some("k"), "a"), entry(ws, Some("l"), "b")]).await;
    let first = Position { partition: ws.partition(), seq: 1 };
    assert_eq!(
        answers[0],
        Appended::Duplicate { position: first, recorded: NOW, record: b"a".to_vec() }
    );
    assert_eq!(place(&answers[1]).seq, 2);
    assert_eq!(heads[0].seq, 2);
    let (_, heads) = commit(&db, vec![entry(ws, Some("k"), "a")]).await;
    assert!(heads.is_empty(), "a commit of duplicates moves nothing");
}

pub(crate) async fn the_same_key_with_another_body_is_a_conflict_and_writes_nothing(db: Db) {
    let ws = workspace(1);
    commit(&db, vec![entry(ws, Some("k"), "a")]).await;
    let (answers, heads) = commit(&db, vec![entry(ws, Some("k"), "b")]).await;
    let Appended::Conflict { position, clash } = &answers[0] else { panic!("{answers:?}") };
    let (first, sent) = (entry(ws, Some("k"), "a"), entry(ws, Some("k"), "b"));
    assert_eq!(position.seq, 1);
    assert_eq!(clash.record, first.record, "what stands is at hand without another look");
    assert_eq!((clash.hash, clash.sent_hash), (first.body_hash, sent.body_hash));
    assert!(heads.is_empty());
    // Another workspace's key of the same text is another key.
    let (answers, _) = commit(&db, vec![entry(workspace(2), Some("k"), "b")]).await;
    assert!(matches!(answers[0], Appended::New { .. }));
}

pub(crate) async fn twins_in_one_group_are_written_once(db: Db) {
    let ws = workspace(1);
    let twins =
        vec![entry(ws, Some("k"), "a"), entry(ws, Some("k"), "a"), entry(ws, Some("k"), "b")];
    let (answers, heads) = commit(&db, twins).await;
    assert!(matches!(answers[0], Appended::New { .. }));
    assert!(matches!(answers[1], Appended::Duplicate { .. }));
    assert!(matches!(answers[2], Appended::Conflict { .. }));
    assert_eq!(heads[0].seq, 1);
}

pub(crate) async fn a_repeat_behind_a_new_event_takes_no_seq(db: Db) {
    let ws = workspace(1);
    commit(&db, vec![entry(ws, Some("k"), "a")]).await;
    let entries = vec![entry(ws, None, "b"), entry(ws, Some("k"), "a")];
    let (answers, heads) = commit(&db, entries).await;
    assert!(matches!(answers[0], Appended::New { .. }));
    assert!(matches!(answers[1], Appended::Duplicate { .. }));
    assert_eq!(heads[0].seq, 2, "it took no seq");
}

pub(crate) async fn concurrent_twins_are_written_once(db: Db) {
    let ws = workspace(1);
    let calls = (0..16).map(|_| {
        let db = db.clone();
        tokio::spawn(async move { commit(&db, vec![entry(ws, Some("k"), "a")]).await.0 })
    });
    let mut new = 0;
    for call in calls.collect::<Vec<_>>() {
        let answers = call.await.unwrap();
        assert_eq!(place(&answers[0]).seq, 1);
        new += usize::from(matches!(answers[0], Appended::New { .. }));
    }
    assert_eq!(new, 1);
}

pub(crate) async fn many_writers_leave_no_gap(db: Db) {
    let calls = (0..24i64).map(|n| {
        let db = db.clone();
        tokio::spawn(async move {
            // Several workspaces in one commit: several heads are held, in one order.
            let entries = (1..=6).map(|w| entry(workspace((n + w) % 6 + 1), None, "x")).collect();
            commit(&db, entries).await
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    let reader = LedgerReader(db);
    let mut total = 0;
    for head in reader.heads().await.unwrap() {
        let rows = reader.after(Position { seq: 0, ..head }, 1_000).await.unwrap();
        let seqs: Vec<i64> = rows.iter().map(|row| row.position.seq).collect();
        assert_eq!(seqs, (1..=head.seq).collect::<Vec<_>>());
        total += seqs.len();
    }
    assert_eq!(total, 24 * 6);
}

pub(crate) async fn an_entry_comes_back_as_it_went_in(db: Db) {
    let ws = workspace(i64::MAX);
    let trace = TraceContext { trace_id: [0x4b; 16], span_id: [0xf0; 8], flags: 1 };
    let sent = NewEntry {
        trace: Some(trace),
        record: (0..=255).collect(),
        occurred: Timestamp::MIN,
        ..entry(ws, Some("ключ"), "a")
    };
    let empty = NewEntry { record: Vec::new(), occurred: Timestamp::MAX, ..entry(ws, None, "") };
    commit(&db, vec![sent.clone(), empty]).await;
    let reader = LedgerReader(db);
    let rows = reader.after(Position { partition: ws.partition(), seq: 0 }, 10).await.unwrap();
    assert_eq!((rows[0].trace, &*rows[0].record), (Some(trace), &*sent.record));
    assert_eq!((rows[0].occurred, rows[0].recorded, rows[0].workspace), (Timestamp::MIN, NOW, ws));
    assert_eq!((rows[1].trace, rows[1].record.len(), rows[1].occurred), (None, 0, Timestamp::MAX));
}

pub(crate) async fn an_entry_of_another_workspace_is_not_there(db: Db) {
    // 1 and 2 share a partition.
    let (mine, other) = (workspace(1), workspace(2));
    assert_eq!(mine.partition(), other.partition());
    let (answers, _) = commit(&db, vec![entry(mine, None, "a")]).await;
    let reader = LedgerReader(db);
    assert!(reader.find(mine, place(&answers[0])).await.unwrap().is_some());
    assert!(reader.find(other, place(&answers[0])).await.unwrap().is_none());
}

pub(crate) async fn keys_that_differ_in_case_or_accent_are_different(db: Db) {
    let ws = workspace(1);
    let keys = ["key", "KEY", "kéy", "ke\u{301}y", "key "];
    let entries = keys.iter().map(|key| entry(ws, Some(key), "a")).collect();
    let (answers, _) = commit(&db, entries).await;
    assert!(answers.iter().all(|answer| matches!(answer, Appended::New { .. })));
}

pub(super) fn new_workspace(id: i64, name: &str) -> Workspace {
    Workspace {
        id: workspace(id),
        name: name.to_owned(),
        time_zone: "Europe/Amsterdam".to_owned(),
        currency: Currency::EUR,
        accept_unknown: false,
        created: NOW,
        allowance: Allowance::default(),
    }
}

pub(super) fn key_of(workspace: WorkspaceId, seed: u64, created: Timestamp) -> KeyRecord {
    let key = ApiKey::issue(&SeededIds::new(seed));
    KeyRecord {
        id: key.id,
        workspace,
        name: "for tests".to_owned(),
        scopes: [Scope::Track, Scope::Backfill].into_iter().collect(),
        digest: key.digest(),
        created,
        expires: Some(Timestamp::MAX),
        revoked: None,
        last_used: None,
    }
}

pub(crate) async fn a_workspace_asked_for_twice_is_made_once(db: Db) {
    let store = AccessStore(db);
    assert!(store.is_empty().await.unwrap());
    let (wanted, key) = (new_workspace(7, "one"), key_of(workspace(7), 1, NOW));
    assert_eq!(store.create(wanted.clone(), key.clone()).await.unwrap(), Created::New);
    let again = store.create(new_workspace(7, "two"), key_of(workspace(7), 2, NOW)).await.unwrap();
    assert_eq!(again, Created::Stood(wanted.clone()));
    assert_eq!(store.find(wanted.id).await.unwrap(), Some(wanted));
    assert_eq!(store.find_key(key.id).await.unwrap(), Some(key));
    assert_eq!(store.keys(workspace(7), None, 10).await.unwrap().len(), 1, "no second key");
    assert!(!store.is_empty().await.unwrap());
}

pub(crate) async fn a_key_is_revoked_once_and_by_its_own_workspace_only(db: Db) {
    let store = AccessStore(db);
    let key = key_of(workspace(7), 1, NOW);
    store.add_key(key.clone()).await.unwrap();
    let elsewhere = store.revoke(workspace(8), key.id, NOW, Keep::AnAdmin).await.unwrap();
    assert_eq!(elsewhere, Revoked::Nowhere);
    assert_eq!(store.find_key(key.id).await.unwrap().unwrap().revoked, None);
    for at in [NOW, Timestamp::MAX] {
        let revoked = store.revoke(workspace(7), key.id, at, Keep::AnAdmin).await.unwrap();
        assert_eq!(revoked, Revoked::Done(KeyRecord { revoked: Some(NOW), ..key.clone() }));
    }
}

pub(super) fn admin_key(seed: u64, expires: Option<Timestamp>) -> KeyRecord {
    let scopes = [Scope::Admin].into_iter().collect();
    KeyRecord { scopes, expires, ..key_of(workspace(7), seed, NOW) }
}

pub(crate) async fn the_last_admin_key_stands_unless_the_operator_says_so(db: Db) {
    let store = AccessStore(db);
    let (first, second) = (admin_key(1, None), admin_key(2, Some(Timestamp::MAX)));
    // Neither of these could let anybody in: one may only record, the other has expired.
    let others = [key_of(workspace(7), 3, NOW), admin_key(4, Some(NOW))];
    store.create(new_workspace(7, "one"), first.clone()).await.unwrap();
    for key in others.iter().chain([&second]) {
        store.add_key(key.clone()).await.unwrap();
    }
    let revoke = |id, keep| store.revoke(workspace(7), id, NOW, keep);
    assert!(matches!(revoke(first.id, Keep::AnAdmin).await.unwrap(), Revoked::Done(_)));
    assert_eq!(revoke(second.id, Keep::AnAdmin).await.unwrap(), Revoked::LastAdmin);
    assert_eq!(store.find_key(second.id).await.unwrap().unwrap().revoked, None);
    for key in &others {
        assert!(matches!(revoke(key.id, Keep::AnAdmin).await.unwrap(), Revoked::Done(_)));
    }
    assert!(matches!(revoke(second.id, Keep::Nothing).await.unwrap(), Revoked::Done(_)));
}

pub(crate) async fn two_admins_that_revoke_each_other_at_once_leave_one(db: Db) {
    let store = AccessStore(db);
    let (one, other) = (admin_key(1, None), admin_key(2, None));
    store.create(new_workspace(7, "one"), one.clone()).await.unwrap();
    store.add_key(other.clone()).await.unwrap();
    let revoke = |id| store.revoke(workspace(7), id, NOW, Keep::AnAdmin);
    let outcomes: (_, _) = tokio::join!(revoke(one.id), revoke(other.id));
    let outcomes = [outcomes.0.unwrap(), outcomes.1.unwrap()];
    let left = outcomes.iter().filter(|outcome| **outcome == Revoked::LastAdmin).count();
    assert_eq!(left, 1, "{outcomes:?}");
}

pub(crate) async fn pages_of_keys_stay_stable_while_keys_are_added(db: Db) {
    let store = AccessStore(db);
    let ws = workspace(7);
    for seed in 0..10 {
        // Pairs share a moment: the id breaks the tie.
        let created = Timestamp::from_micros(NOW.micros() + (seed / 2) as i64);
        store.add_key(key_of(ws, seed, created)).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.keys(ws, after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.created, last.id));
        seen.extend(page.iter().map(|key| key.id));
        // A key added behind the page read neither repeats nor hides another.
        let seed = 100 + seen.len() as u64;
        store.add_key(key_of(ws, seed, Timestamp::EPOCH)).await.unwrap();
    }
    assert_eq!(seen.len(), 10);
    assert_eq!(seen.iter().map(|id| id.to_row()).collect::<BTreeSet<_>>().len(), 10);
}

pub(crate) async fn the_catalog_is_kept_and_its_built_ins_are_replaced(db: Db) {
    let store = CatalogCopyStore(db);
    let at = Position { partition: workspace(1).partition(), seq: 1 };
    store.keep_built_ins(vec![b"old".to_vec(), b"older".to_vec()]).await.unwrap();
    store.keep(vec![(at, b"change".to_vec())]).await.unwrap();
    store.keep(vec![(at, b"told again".to_vec())]).await.unwrap();
    store.keep_built_ins(vec![b"new".to_vec()]).await.unwrap();
    let mut kept = store.load().await.unwrap();
    kept.sort_by_key(|(position, _)| position.is_some());
    assert_eq!(kept, [(None, b"new".to_vec()), (Some(at), b"change".to_vec())]);
    store.forget().await.unwrap();
    assert!(store.load().await.unwrap().is_empty());
}

pub(crate) async fn use_after_close_is_an_error(db: Db) {
    db.close().await;
    assert!(LedgerReader(db.clone()).heads().await.is_err());
    let entries = vec![entry(workspace(1), None, "a")];
    assert!(LedgerWriter::new(db).append(entries.into(), NOW).await.is_err());
}
