//! A Redis that is emptied, killed, frozen or full of nonsense makes nothing wrong, and little
//! slow.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "waits for a real Redis")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hot::{Hot, Key, Put, Rate, Taken, Versioned, Wake, Wanted};
use kernel::{Partition, Timestamp, WorkspaceId};
use testkit::RedisServer;

const TTL: Duration = Duration::from_secs(600);

fn key() -> Key {
    Key::new(WorkspaceId::new(7).unwrap(), "overview", ["a"])
}

async fn put(hot: &dyn Hot, version: i64) -> Put {
    hot.put(&key(), version, Bytes::from(version.to_string()), TTL).await
}

fn versioned(version: i64) -> Option<Versioned> {
    Some(Versioned { version, value: Bytes::from(version.to_string()) })
}

async fn up(server: &RedisServer) -> Arc<dyn Hot> {
    let hot = hot::open(Some(&server.url().into())).unwrap();
    answers(&*hot, 0).await;
    hot
}

/// Puts `version` until Redis takes it.
async fn answers(hot: &dyn Hot, version: i64) {
    let answers = async {
        while put(hot, version).await == Put::Unavailable {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), answers).await.unwrap();
}

/// A second connection that does what no code of ours does.
async fn raw(server: &RedisServer, words: &[&[u8]]) {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(*word);
    }
    command.exec_async(&mut connection).await.unwrap();
}

/// A thousand calls on a cache that is known to be away: only the breaker makes this quick.
async fn costs_nothing(hot: &dyn Hot) {
    let since = Instant::now();
    for version in 0..500 {
        assert_eq!(hot.get(&key()).await, None);
        assert_eq!(put(hot, version).await, Put::Unavailable);
    }
    let spent = since.elapsed();
    assert!(spent < Duration::from_millis(250), "1,000 calls took {spent:?}");
    println!("1,000 calls on a dead Redis: {spent:?}");
}

#[tokio::test]
async fn without_redis_the_cache_opens_and_everything_is_a_miss() {
    let mut server = RedisServer::start().await;
    server.kill();
    let hot = hot::open(Some(&server.url().into())).unwrap();
    costs_nothing(&*hot).await;
    server.restart().await;
    answers(&*hot, 1).await;
    assert_eq!(hot.get(&key()).await, versioned(1));
}

#[tokio::test]
async fn a_killed_redis_is_a_miss_and_comes_back_by_itself() {
    let mut server = RedisServer::start().await;
    let hot = up(&server).await;
    put(&*hot, 7).await;
    server.kill();
    assert_eq!(hot.get(&key()).await, None);
    costs_nothing(&*hot).await;
    server.restart().await;
    // Its scripts are gone with its memory, too.
    answers(&*hot, 3).await;
    assert_eq!(hot.get(&key()).await, versioned(3));
    assert_eq!(put(&*hot, 2).await, Put::Older);
}

#[tokio::test]
async fn a_bucket_is_nowhere_while_redis_is_away_and_full_when_it_is_back() {
    let mut server = RedisServer::start().await;
    let hot = up(&server).await;
    let rate = Rate { per_second: 1, burst: 60 };
    let take =
        async |least, most| hot.take(&key(), Wanted { least, most }, rate, Timestamp::EPOCH).await;
    assert_eq!(take(60, 60).await, Some(Taken::Given(60)));
    assert!(matches!(take(30, 30).await, Some(Taken::Wait(_))));
    server.kill();
    assert_eq!(take(1, 1).await, None);
    server.restart().await;
    let back = async {
        while take(0, 0).await.is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), back).await.unwrap();
    assert_eq!(take(60, 60).await, Some(Taken::Given(60)));
}

#[tokio::test]
async fn a_frozen_redis_costs_one_caller_fifty_milliseconds() {
    let server = RedisServer::start().await;
    let hot = up(&server).await;
    put(&*hot, 7).await;
    server.stop();
    let since = Instant::now();
    assert_eq!(hot.get(&key()).await, None);
    let spent = since.elapsed();
    assert!(spent < Duration::from_millis(500), "the first call took {spent:?}");
    costs_nothing(&*hot).await;

    server.cont();
    answers(&*hot, 7).await;
    assert_eq!(hot.get(&key()).await, versioned(7));
    assert_eq!(put(&*hot, 6).await, Put::Older, "what was there before is still the newest");
}

#[tokio::test]
async fn callers_in_flight_when_it_freezes_all_get_a_miss() {
    let server = RedisServer::start().await;
    let hot = up(&server).await;
    server.stop();
    let since = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let hot = Arc::clone(&hot);
        callers.spawn(async move { hot.get(&key()).await });
    }
    for found in callers.join_all().await {
        assert_eq!(found, None);
    }
    let spent = since.elapsed();
    assert!(spent < Duration::from_millis(500), "500 callers waited {spent:?}");
    server.cont();
}

#[tokio::test]
async fn an_emptied_redis_is_a_miss_and_can_be_filled_again() {
    let server = RedisServer::start().await;
    let hot = up(&server).await;
    put(&*hot, 7).await;
    raw(&server, &[b"FLUSHALL"]).await;
    assert_eq!(hot.get(&key()).await, None);
    assert_eq!(put(&*hot, 3).await, Put::Stored);
    assert_eq!(hot.get(&key()).await, versioned(3));
}

#[tokio::test]
async fn values_that_are_not_ours_are_misses_and_give_way() {
    let server = RedisServer::start().await;
    let hot = up(&server).await;
    let name = key();
    let name = name.as_str().as_bytes();
    let newest = [1, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, b'x'];
    let nonsense: [&[&[u8]]; 6] = [
        &[b"LPUSH", name, b"a list"],
        &[b"HSET", name, b"a", b"hash"],
        &[b"SET", name, b""],
        &[b"SET", name, b"words of somebody else, longer than a header"],
        // Ours by its format, with the highest version and a wrong checksum.
        &[b"SET", name, &newest],
        &[b"SET", name, &newest[..9]],
    ];
    for (version, write) in (1..).zip(nonsense) {
        raw(&server, &[b"DEL", name]).await;
        raw(&server, write).await;
        assert_eq!(hot.get(&key()).await, None, "{write:?}");
        assert_eq!(put(&*hot, version).await, Put::Stored, "{write:?}");
        assert_eq!(hot.get(&key()).await, versioned(version));
    }
}

#[tokio::test]
async fn a_full_redis_refuses_without_being_taken_for_dead() {
    let server = RedisServer::start().await;
    let hot = up(&server).await;
    put(&*hot, 7).await;
    raw(&server, &[b"CONFIG", b"SET", b"maxmemory", b"1"]).await;
    raw(&server, &[b"CONFIG", b"SET", b"maxmemory-policy", b"noeviction"]).await;
    assert_eq!(put(&*hot, 8).await, Put::Unavailable);
    assert_eq!(hot.get(&key()).await, versioned(7), "reading goes on");
    raw(&server, &[b"CONFIG", b"SET", b"maxmemory", b"0"]).await;
    assert_eq!(put(&*hot, 8).await, Put::Stored);
}

#[tokio::test]
async fn wake_ups_go_on_within_the_process_and_between_processes_once_redis_is_back() {
    let mut server = RedisServer::start().await;
    let (here, there) = (up(&server).await, up(&server).await);
    heard(&*here, &*there, 1).await;

    server.kill();
    let mut own = here.subscribe();
    let wake = Wake { partition: Partition::new(0).unwrap(), seq: 2 };
    here.publish(wake).await;
    // Redis may have passed on a wake-up of before, late.
    let hears = async { while own.recv().await != Ok(wake) {} };
    tokio::time::timeout(Duration::from_secs(10), hears).await.unwrap();

    server.restart().await;
    heard(&*here, &*there, 3).await;
}

/// Publishes until the other process hears it.
async fn heard(from: &dyn Hot, to: &dyn Hot, seq: i64) {
    let wake = Wake { partition: Partition::new(5).unwrap(), seq };
    let mut wakes = to.subscribe();
    let publisher = async {
        loop {
            from.publish(wake).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let hears = async { while wakes.recv().await != Ok(wake) {} };
    let hears = async {
        tokio::select! { () = publisher => {}, () = hears => {} }
    };
    tokio::time::timeout(Duration::from_secs(10), hears).await.unwrap();
}
