//! Counters with a ceiling: one contract, run against memory and a real Redis, and a Redis that is lost.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "waits for a real Redis")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hot::{Count, Hot, Key, Put};
use kernel::WorkspaceId;
use testkit::RedisServer;

const TTL: Duration = Duration::from_secs(600);

fn key(name: &str) -> Key {
    Key::new(WorkspaceId::new(7).unwrap(), "guard", [name])
}

async fn count(hot: &dyn Hot, limit: u32) -> (bool, u32, u32) {
    let Count { granted, before, refused } = hot.count(&key("a"), limit, TTL).await.unwrap();
    (granted, before, refused)
}

mod case {
    use super::*;

    pub(crate) async fn as_many_are_granted_as_the_limit_says(hot: Arc<dyn Hot>) {
        assert_eq!(count(&*hot, 2).await, (true, 0, 0));
        assert_eq!(count(&*hot, 2).await, (true, 1, 0));
        assert_eq!(count(&*hot, 2).await, (false, 2, 0));
        assert_eq!(count(&*hot, 2).await, (false, 2, 1));
        assert_eq!(count(&*hot, 3).await, (true, 2, 2), "another limit, the same counter");
        assert_eq!(count(&*hot, 1).await, (false, 3, 2));
        let other = hot.count(&key("b"), 1, TTL).await.unwrap();
        assert_eq!((other.granted, other.before), (true, 0));
    }

    pub(crate) async fn a_limit_of_none_grants_nothing(hot: Arc<dyn Hot>) {
        assert_eq!(count(&*hot, 0).await, (false, 0, 0));
        assert_eq!(count(&*hot, 0).await, (false, 0, 1));
        assert_eq!(count(&*hot, 1).await, (true, 0, 2));
    }

    pub(crate) async fn of_callers_at_once_exactly_the_limit_is_granted(hot: Arc<dyn Hot>) {
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let hot = Arc::clone(&hot);
            callers.spawn(async move { count(&*hot, 3).await.0 });
        }
        let granted = callers.join_all().await.into_iter().filter(|granted| *granted).count();
        assert_eq!(granted, 3);
        assert_eq!(count(&*hot, 3).await, (false, 3, 97));
    }

    pub(crate) async fn a_counter_ends_with_its_time_and_refusals_do_not_keep_it(
        hot: Arc<dyn Hot>,
    ) {
        let brief = Duration::from_millis(60);
        assert!(hot.count(&key("a"), 1, brief).await.unwrap().granted);
        // Asks without a pause: a refusal that gave new time would hold the counter for ever.
        let again = async {
            while !hot.count(&key("a"), 1, brief).await.unwrap().granted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), again).await.unwrap();
    }

    pub(crate) async fn a_grant_gives_a_counter_new_time(hot: Arc<dyn Hot>) {
        let brief = Duration::from_millis(80);
        hot.count(&key("a"), 9, brief).await.unwrap();
        hot.count(&key("a"), 9, TTL).await.unwrap();
        tokio::time::sleep(brief * 2).await;
        assert_eq!(count(&*hot, 9).await, (true, 2, 0));
    }

    /// A refusal in the very moment in which the counter ends decides what becomes of it; where one in a
    /// thousand hits it, a thousand counters do.
    pub(crate) async fn no_refusal_holds_a_counter_past_its_end(hot: Arc<dyn Hot>) {
        let brief = Duration::from_millis(20);
        let mut callers = tokio::task::JoinSet::new();
        for n in 0..1_000 {
            let hot = Arc::clone(&hot);
            callers.spawn(async move {
                let key = key(&format!("brief-{n}"));
                // A cache that does not answer for a moment has counted nothing for certain.
                let granted = async || hot.count(&key, 1, brief).await.is_some_and(|c| c.granted);
                while !granted().await {
                    tokio::task::yield_now().await;
                }
                while !granted().await {
                    tokio::task::yield_now().await;
                }
            });
        }
        // A held one never ends. On half a core a thousand that do took more than 20 s.
        tokio::time::timeout(Duration::from_secs(90), callers.join_all()).await.unwrap();
    }

    pub(crate) async fn a_time_without_end_is_a_long_time(hot: Arc<dyn Hot>) {
        assert!(hot.count(&key("a"), 1, Duration::MAX).await.unwrap().granted);
        assert!(!hot.count(&key("a"), 1, Duration::MAX).await.unwrap().granted);
    }

    pub(crate) async fn a_counter_and_a_value_do_not_meet(hot: Arc<dyn Hot>) {
        hot.put(&key("value"), 1, Bytes::from_static(b"x"), TTL).await;
        assert_eq!(count(&*hot, 1).await, (true, 0, 0));
        assert!(hot.get(&key("value")).await.is_some());
    }
}

macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                crate::case::$case(hot::open(None).unwrap()).await;
            })+
        }
        mod redis {
            $(#[tokio::test]
            async fn $case() {
                let server = testkit::RedisServer::start().await;
                crate::case::$case(crate::up(&server).await).await;
            })+
        }
    };
}

on_both!(
    as_many_are_granted_as_the_limit_says,
    a_limit_of_none_grants_nothing,
    of_callers_at_once_exactly_the_limit_is_granted,
    a_counter_ends_with_its_time_and_refusals_do_not_keep_it,
    no_refusal_holds_a_counter_past_its_end,
    a_time_without_end_is_a_long_time,
    a_grant_gives_a_counter_new_time,
    a_counter_and_a_value_do_not_meet,
);

async fn up(server: &RedisServer) -> Arc<dyn Hot> {
    let hot = hot::open(Some(&server.url().into())).unwrap();
    answers(&*hot).await;
    hot
}

async fn answers(hot: &dyn Hot) {
    let answers = async {
        while hot.put(&key("probe"), 0, Bytes::new(), TTL).await == Put::Unavailable {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), answers).await.unwrap();
}

#[tokio::test]
async fn two_processes_share_one_counter() {
    let server = RedisServer::start().await;
    let (here, there) = (up(&server).await, up(&server).await);
    assert_eq!(count(&*here, 2).await, (true, 0, 0));
    assert_eq!(count(&*there, 2).await, (true, 1, 0));
    assert_eq!(count(&*here, 2).await, (false, 2, 0));
}

#[tokio::test]
async fn a_killed_redis_counts_nothing_at_once_and_anew_when_it_is_back() {
    let mut server = RedisServer::start().await;
    let hot = up(&server).await;
    count(&*hot, 1).await;
    server.kill();
    assert_eq!(hot.count(&key("a"), 1, TTL).await, None);
    let since = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(hot.count(&key("a"), 1, TTL).await, None);
    }
    assert!(since.elapsed() < Duration::from_millis(250), "{:?}", since.elapsed());
    server.restart().await;
    answers(&*hot).await;
    assert_eq!(count(&*hot, 1).await, (true, 0, 0), "its counters are gone with its memory");
}

#[tokio::test]
async fn a_frozen_redis_costs_a_caller_fifty_milliseconds() {
    let server = RedisServer::start().await;
    let hot = up(&server).await;
    server.stop();
    let since = Instant::now();
    assert_eq!(hot.count(&key("a"), 1, TTL).await, None);
    assert!(since.elapsed() < Duration::from_millis(500), "{:?}", since.elapsed());
    server.cont();
}

#[tokio::test]
async fn a_value_of_another_kind_gives_way_to_a_counter() {
    let server = RedisServer::start().await;
    let hot = up(&server).await;
    let client = ::redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let name = key("a");
    ::redis::cmd("SET").arg(name.as_str()).arg("g").exec_async(&mut connection).await.unwrap();
    assert_eq!(count(&*hot, 1).await, (true, 0, 0));
    assert_eq!(count(&*hot, 1).await, (false, 1, 0));
}
