//! What is asked of the database when many call with one key.

use kernel::Timestamp;
use testkit::{FakeClock, SeededIds};
use tokio::task::JoinSet;

use super::*;
use crate::Migrator;

const CALLERS: usize = 40;

async fn access() -> (testkit::TestDb, Access) {
    let db = testkit::sqlite::<Migrator>("ingest").await;
    let clock = Arc::new(FakeClock::at(Timestamp::EPOCH));
    let store = AccessStore(db.db.clone());
    let (access, _noting) = Access::new(store, clock, Arc::new(SeededIds::new(1)));
    (db, access)
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_with_one_key_ask_once_for_it() {
    let (_db, access) = access().await;
    let (_, key) = access.bootstrap().await.unwrap().unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (access, key) = (access.clone(), key.reveal().to_owned());
        callers.spawn(async move { access.holder(&key).await.unwrap() });
    }
    let known = callers.join_all().await;
    assert!(known.iter().all(|one| Arc::ptr_eq(one, &known[0])), "each asked for itself");
}

#[tokio::test]
async fn a_key_that_does_not_exist_is_not_remembered() {
    let (_db, access) = access().await;
    let other = ApiKey::issue(&SeededIds::new(9));
    let refused = access.holder(other.reveal()).await.err();
    assert!(matches!(refused, Some(Error::BadKey(BadKey::Unknown))));
    assert!(!access.known.contains_key(&other.id));
}
