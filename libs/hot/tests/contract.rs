//! One contract, run against memory and a real Redis.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "waits for a real Redis")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hot::{Hot, Key, Put, Rate, Taken, Versioned, Wake, Wanted};
use kernel::{Partition, Timestamp, WorkspaceId};

const TTL: Duration = Duration::from_secs(600);

fn key(name: &str) -> Key {
    Key::new(WorkspaceId::new(7).unwrap(), "overview", [name])
}

fn versioned(version: i64, value: &'static [u8]) -> Option<Versioned> {
    Some(Versioned { version, value: Bytes::from_static(value) })
}

async fn put(hot: &dyn Hot, version: i64, value: &'static [u8]) -> Put {
    hot.put(&key("a"), version, Bytes::from_static(value), TTL).await
}

/// A moment of the machine's clock, which Redis goes by too.
fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_micros(since.as_micros() as i64)
}

/// Fills so slowly that no test sees it.
const SLOW: Rate = Rate { per_second: 1, burst: 100_000 };

async fn take(hot: &dyn Hot, name: &str, least: u32, most: u32, rate: Rate) -> Taken {
    hot.take(&key(name), Wanted { least, most }, rate, now()).await.unwrap()
}

mod case {
    use super::*;

    pub(crate) async fn what_was_put_is_there_and_nothing_else(hot: Arc<dyn Hot>) {
        assert_eq!(hot.get(&key("a")).await, None);
        assert_eq!(put(&*hot, 1, b"\0one\xff").await, Put::Stored);
        assert_eq!(hot.get(&key("a")).await, versioned(1, b"\0one\xff"));
        assert_eq!(hot.get(&key("b")).await, None);
        let elsewhere = Key::new(WorkspaceId::new(8).unwrap(), "overview", ["a"]);
        assert_eq!(hot.get(&elsewhere).await, None);
    }

    pub(crate) async fn an_empty_value_is_a_value(hot: Arc<dyn Hot>) {
        assert_eq!(put(&*hot, 1, b"").await, Put::Stored);
        assert_eq!(hot.get(&key("a")).await, versioned(1, b""));
    }

    pub(crate) async fn an_older_version_never_replaces_a_newer(hot: Arc<dyn Hot>) {
        let versions =
            [i64::MIN, -256, -1, 0, 1, 255, 256, 1 << 53, (1 << 53) + 1, i64::MAX - 1, i64::MAX];
        for version in versions {
            assert_eq!(put(&*hot, version, b"newer").await, Put::Stored, "{version}");
            if version > i64::MIN {
                assert_eq!(put(&*hot, version - 1, b"older").await, Put::Older, "{version}");
            }
            assert_eq!(hot.get(&key("a")).await, versioned(version, b"newer"));
        }
        assert_eq!(put(&*hot, i64::MIN, b"older").await, Put::Older);
    }

    pub(crate) async fn the_same_version_is_replaced(hot: Arc<dyn Hot>) {
        assert_eq!(put(&*hot, 5, b"first").await, Put::Stored);
        assert_eq!(put(&*hot, 5, b"again").await, Put::Stored);
        assert_eq!(hot.get(&key("a")).await, versioned(5, b"again"));
    }

    pub(crate) async fn of_many_writers_the_newest_stays(hot: Arc<dyn Hot>) {
        let mut writers = tokio::task::JoinSet::new();
        for turn in 0..200_i64 {
            let hot = Arc::clone(&hot);
            // Every version once, in no order.
            let version = turn * 37 % 200;
            writers.spawn(async move {
                let value = Bytes::from(version.to_string());
                hot.put(&key("a"), version, value, TTL).await
            });
        }
        for outcome in writers.join_all().await {
            assert_ne!(outcome, Put::Unavailable);
        }
        assert_eq!(hot.get(&key("a")).await, versioned(199, b"199"));
    }

    pub(crate) async fn a_value_ends_with_its_time_and_then_any_version_may_come(
        hot: Arc<dyn Hot>,
    ) {
        let brief = Duration::from_millis(40);
        let stored = hot.put(&key("a"), 9, Bytes::from_static(b"brief"), brief).await;
        assert_eq!(stored, Put::Stored);
        let gone = async {
            while hot.get(&key("a")).await.is_some() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), gone).await.unwrap();
        assert_eq!(put(&*hot, 1, b"older").await, Put::Stored);
        assert_eq!(hot.get(&key("a")).await, versioned(1, b"older"));
    }

    pub(crate) async fn writing_again_gives_a_value_new_time(hot: Arc<dyn Hot>) {
        let brief = Duration::from_millis(80);
        hot.put(&key("a"), 1, Bytes::from_static(b"brief"), brief).await;
        put(&*hot, 2, b"long").await;
        tokio::time::sleep(brief * 2).await;
        assert_eq!(hot.get(&key("a")).await, versioned(2, b"long"));
    }

    pub(crate) async fn a_bucket_gives_what_it_holds_and_then_says_how_long_to_wait(
        hot: Arc<dyn Hot>,
    ) {
        assert_eq!(take(&*hot, "a", 1, 60_000, SLOW).await, Taken::Given(60_000));
        // A second or two may have earned a few.
        let Taken::Given(rest) = take(&*hot, "a", 1, 90_000, SLOW).await else { panic!() };
        assert!((40_000..40_010).contains(&rest), "{rest}");
        let Taken::Wait(wait) = take(&*hot, "a", 1_000, 1_000, SLOW).await else { panic!() };
        assert!(wait > Duration::from_secs(980) && wait <= Duration::from_secs(1_000), "{wait:?}");
        assert_eq!(
            take(&*hot, "b", 1, 1, SLOW).await,
            Taken::Given(1),
            "another bucket is another"
        );
        assert_eq!(take(&*hot, "b", 0, 0, SLOW).await, Taken::Given(0));
    }

    pub(crate) async fn a_full_bucket_gives_more_than_it_holds_and_owes_it(hot: Arc<dyn Hot>) {
        let rate = Rate { per_second: 1, burst: 10 };
        assert_eq!(take(&*hot, "a", 30, 5, rate).await, Taken::Given(30));
        let Taken::Wait(wait) = take(&*hot, "a", 1, 1, rate).await else { panic!() };
        assert!(wait > Duration::from_secs(15) && wait <= Duration::from_secs(21), "{wait:?}");
    }

    pub(crate) async fn after_the_wait_there_is_enough(hot: Arc<dyn Hot>) {
        let rate = Rate { per_second: 200, burst: 10 };
        assert_eq!(take(&*hot, "a", 10, 10, rate).await, Taken::Given(10));
        let Taken::Wait(wait) = take(&*hot, "a", 10, 10, rate).await else { panic!() };
        assert!(wait <= Duration::from_millis(50), "{wait:?}");
        tokio::time::sleep(wait).await;
        assert_eq!(take(&*hot, "a", 10, 20, rate).await, Taken::Given(10));
    }

    pub(crate) async fn of_many_takers_together_none_gets_what_is_not_there(hot: Arc<dyn Hot>) {
        let rate = Rate { per_second: 1, burst: 1_000 };
        // Redis has the script from now on.
        take(&*hot, "b", 1, 1, rate).await;
        let mut takers = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let hot = Arc::clone(&hot);
            takers.spawn(async move { take(&*hot, "a", 1, 7, rate).await });
        }
        let given = takers.join_all().await.into_iter().map(|taken| match taken {
            Taken::Given(tokens) => tokens,
            Taken::Wait(_) => 0,
        });
        let given: u32 = given.sum();
        assert!((1_000..1_010).contains(&given), "{given}");
    }

    pub(crate) async fn a_value_that_is_no_bucket_gives_way_to_a_full_one(hot: Arc<dyn Hot>) {
        hot.put(&key("a"), 1, Bytes::from_static(b"a value"), TTL).await;
        assert_eq!(take(&*hot, "a", 1, 60_000, SLOW).await, Taken::Given(60_000));
        assert!(matches!(take(&*hot, "a", 60_000, 60_000, SLOW).await, Taken::Wait(_)));
    }

    pub(crate) async fn of_many_callers_one_has_the_turn_until_it_is_over(hot: Arc<dyn Hot>) {
        let length = Duration::from_millis(150);
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let hot = Arc::clone(&hot);
            callers.spawn(async move { hot.turn(&key("a"), length).await.unwrap() });
        }
        let given = callers.join_all().await.into_iter().filter(|given| *given).count();
        assert_eq!(given, 1);
        assert_eq!(hot.turn(&key("b"), length).await, Some(true), "another turn is another");
        let over = async {
            while hot.turn(&key("a"), length).await == Some(false) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), over).await.unwrap();
    }

    pub(crate) async fn a_wake_up_reaches_every_subscriber(hot: Arc<dyn Hot>) {
        let (mut one, mut other) = (hot.subscribe(), hot.subscribe());
        let wake = Wake { partition: Partition::new(63).unwrap(), seq: 1 << 40 };
        // Publishing is heard once the subscription stands, which nobody is told.
        let publisher = async {
            loop {
                hot.publish(wake).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let heard = async {
            assert_eq!(one.recv().await, Ok(wake));
            assert_eq!(other.recv().await, Ok(wake));
        };
        let heard = async {
            tokio::select! { () = publisher => {}, () = heard => {} }
        };
        tokio::time::timeout(Duration::from_secs(5), heard).await.unwrap();
    }
}

macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                let hot = hot::open(None).unwrap();
                assert_eq!(hot.kind(), "memory");
                crate::case::$case(hot).await;
            })+
        }
        mod redis {
            $(#[tokio::test]
            async fn $case() {
                let server = testkit::RedisServer::start().await;
                let hot = hot::open(Some(&server.url().into())).unwrap();
                assert_eq!(hot.kind(), "redis");
                crate::until_it_answers(&*hot).await;
                crate::case::$case(hot).await;
            })+
        }
    };
}

async fn until_it_answers(hot: &dyn Hot) {
    let answers = async {
        while hot.put(&key("probe"), 0, Bytes::new(), TTL).await == Put::Unavailable {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), answers).await.unwrap();
}

on_both!(
    what_was_put_is_there_and_nothing_else,
    an_empty_value_is_a_value,
    an_older_version_never_replaces_a_newer,
    the_same_version_is_replaced,
    of_many_writers_the_newest_stays,
    a_value_ends_with_its_time_and_then_any_version_may_come,
    writing_again_gives_a_value_new_time,
    a_bucket_gives_what_it_holds_and_then_says_how_long_to_wait,
    a_full_bucket_gives_more_than_it_holds_and_owes_it,
    after_the_wait_there_is_enough,
    of_many_takers_together_none_gets_what_is_not_there,
    a_value_that_is_no_bucket_gives_way_to_a_full_one,
    of_many_callers_one_has_the_turn_until_it_is_over,
    a_wake_up_reaches_every_subscriber,
);
