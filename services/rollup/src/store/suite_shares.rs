//! The contract of the store of shared links, run on both databases.
#![expect(clippy::unwrap_used, missing_docs, reason = "tests: the names are sentences")]

use std::sync::Arc;

use db::Db;
use kernel::{IdSource, Timestamp, WorkspaceId};

use super::SqlStore;
use super::shares::{Registered, Request, ShareStore};
use crate::domain::{Attempt, Opening, Reader, Share, ShareId, SmallCells, Token};

/// Numbers that never repeat.
struct Counter(std::sync::atomic::AtomicU64);

impl IdSource for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        bytes.fill(0);
        bytes[..8].copy_from_slice(&next.to_le_bytes());
    }
}

fn workspace() -> WorkspaceId {
    WorkspaceId::new(7).unwrap()
}

fn ids() -> Counter {
    Counter(1.into())
}

fn share(ids: &Counter, created: i64) -> Share {
    let token = Token::draw(workspace().partition(), ids);
    Share {
        id: ShareId::draw(ids),
        workspace: workspace(),
        token: token.digest(),
        title: "Müller & Søn, 日本".to_owned(),
        report: vec![0, 1, 255],
        frozen: Some(vec![7; 3]),
        passcode: Some(token.seal("12345678")),
        cells: SmallCells::Suppressed,
        created: Timestamp::from_micros(created),
        expires: Timestamp::from_micros(created + 1_000_001),
        revoked: None,
        opens: 0,
        last_opened: None,
    }
}

fn request(n: u8) -> Request {
    Request { key: [n; 32], fingerprint: [n; 32] }
}

fn attempt(number: i64, at: i64, opening: Opening) -> Attempt {
    let reader = Reader { address: "127.0.0.1".to_owned(), agent: "curl".to_owned() };
    Attempt { number, at: Timestamp::from_micros(at), opening, reader }
}

pub async fn a_link_is_found_as_it_was_kept_by_its_id_and_by_its_token(db: Db) {
    let (store, ids) = (SqlStore::new(db), ids());
    let mut bare = share(&ids, 1_234_567);
    bare.frozen = None;
    bare.passcode = None;
    bare.cells = SmallCells::Shown;
    for (n, kept) in [share(&ids, 1_234_567), bare].into_iter().enumerate() {
        let made = store.register(kept.clone(), request(n as u8)).await.unwrap();
        assert!(matches!(made, Registered::New), "{made:?}");
        assert_eq!(store.find(workspace(), kept.id).await.unwrap().as_ref(), Some(&kept));
        assert_eq!(store.by_token(kept.token).await.unwrap(), Some(kept));
    }
    let unknown = Token::draw(workspace().partition(), &ids).digest();
    assert_eq!(store.by_token(unknown).await.unwrap(), None);
}

pub async fn a_link_of_another_workspace_is_not_there(db: Db) {
    let (store, ids) = (SqlStore::new(db), ids());
    let kept = share(&ids, 1);
    store.register(kept.clone(), request(1)).await.unwrap();
    let other = (8..)
        .filter_map(WorkspaceId::new)
        .find(|other| other.partition() == workspace().partition())
        .unwrap();
    assert_eq!(store.find(other, kept.id).await.unwrap(), None);
    assert_eq!(store.page(other, None, 10).await.unwrap(), []);
    assert_eq!(store.revoke(other, kept.id, Timestamp::EPOCH).await.unwrap(), None);
    assert_eq!(store.find(workspace(), kept.id).await.unwrap(), Some(kept));
}

pub async fn a_request_makes_one_link_however_often_it_comes(db: Db) {
    let (store, ids) = (Arc::new(SqlStore::new(db)), ids());
    let mut twins = tokio::task::JoinSet::new();
    for n in 0..8 {
        let (store, share) = (Arc::clone(&store), share(&ids, n));
        twins.spawn(async move { store.register(share, request(1)).await.unwrap() });
    }
    let made = twins.join_all().await;
    assert_eq!(made.iter().filter(|made| matches!(made, Registered::New)).count(), 1);
    assert!(!made.iter().any(|made| matches!(made, Registered::Reused)));
    assert_eq!(store.page(workspace(), None, 10).await.unwrap().len(), 1);
    let other = Request { fingerprint: [2; 32], ..request(1) };
    let reused = store.register(share(&ids, 9), other).await.unwrap();
    assert!(matches!(reused, Registered::Reused), "{reused:?}");
}

pub async fn pages_stay_stable_while_links_are_made(db: Db) {
    let (store, ids) = (SqlStore::new(db), ids());
    // Some of one moment: their ids tell them apart.
    for n in 0..7 {
        store.register(share(&ids, 10 + n / 3), request(n as u8)).await.unwrap();
    }
    let mut seen: Vec<(Timestamp, ShareId)> = Vec::new();
    loop {
        let page = store.page(workspace(), seen.last().copied(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|share| (share.created, share.id)));
        let newer = share(&ids, 100 + seen.len() as i64);
        store.register(newer, request(50 + seen.len() as u8)).await.unwrap();
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
}

pub async fn a_link_is_revoked_once_and_opens_no_more(db: Db) {
    let (store, ids) = (SqlStore::new(db), ids());
    let kept = share(&ids, 1);
    store.register(kept.clone(), request(1)).await.unwrap();
    assert!(store.log(&kept, attempt(1, 5, Opening::Opened)).await.unwrap());
    let first = store.revoke(workspace(), kept.id, Timestamp::from_micros(7)).await.unwrap();
    let again = store.revoke(workspace(), kept.id, Timestamp::from_micros(9)).await.unwrap();
    assert_eq!(first, again);
    let revoked = again.unwrap();
    assert_eq!(revoked.revoked, Some(Timestamp::from_micros(7)));
    // Who found it a moment before does not show it any more.
    assert!(!store.log(&kept, attempt(2, 8, Opening::Opened)).await.unwrap());
    assert!(store.log(&revoked, attempt(3, 9, Opening::Revoked)).await.unwrap());
    let now = store.find(workspace(), kept.id).await.unwrap().unwrap();
    assert_eq!((now.opens, now.last_opened), (1, Some(Timestamp::from_micros(5))));
}

pub async fn every_attempt_is_in_the_log_the_latest_first(db: Db) {
    let (store, ids) = (SqlStore::new(db), ids());
    let kept = share(&ids, 1);
    store.register(kept.clone(), request(1)).await.unwrap();
    let outcomes = [Opening::Passcode, Opening::Opened, Opening::Opened, Opening::Expired];
    for (n, opening) in outcomes.into_iter().enumerate() {
        // Two of them at one moment.
        let number = n as i64 + 1;
        store.log(&kept, attempt(number, number / 2, opening)).await.unwrap();
    }
    let first = store.attempts(workspace(), kept.id, None, 3).await.unwrap();
    let last = first.last().map(|last| (last.at, last.number));
    let rest = store.attempts(workspace(), kept.id, last, 3).await.unwrap();
    let numbers: Vec<i64> = first.iter().chain(&rest).map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
    assert_eq!(rest, [attempt(1, 0, Opening::Passcode)]);
    let kept = store.find(workspace(), kept.id).await.unwrap().unwrap();
    assert_eq!(kept.opens, 2, "refusals are no openings");
}

pub async fn a_damaged_link_is_named_and_opens_nothing(db: Db) {
    use sea_orm::ConnectionTrait as _;
    let (store, ids) = (SqlStore::new(db.clone()), ids());
    let kept = share(&ids, 1);
    store.register(kept.clone(), request(1)).await.unwrap();
    db.write::<_, (), db::Error>(|txn| {
        Box::pin(async move {
            let spoil = sea_orm::sea_query::Query::update()
                .table("share_link")
                .value("passcode_hash", vec![1u8, 2, 3])
                .to_owned();
            txn.execute(&spoil).await?;
            Ok(())
        })
    })
    .await
    .unwrap();
    let error = store.by_token(kept.token).await.unwrap_err();
    let named = matches!(error, db::Error::Corrupt { column: "passcode_hash", .. });
    assert!(named, "{error}");
}
