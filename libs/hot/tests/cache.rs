//! What is made anew is made by one caller at a time, is never older than it must be, and is right with
//! whatever becomes of Redis.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "waits for a real Redis")]

mod proxy;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hot::{Cache, Hot, Key, Lookup, Need, Put, Versioned};
use kernel::WorkspaceId;
use testkit::RedisServer;

const TTL: Duration = Duration::from_secs(600);
const MAKING: Duration = Duration::from_millis(15);

fn key() -> Key {
    Key::new(WorkspaceId::new(7).unwrap(), "overview", ["a"])
}

/// A truth that grows, and how often it was looked up.
#[derive(Default)]
struct Truth {
    version: AtomicI64,
    made: AtomicU32,
}

impl Truth {
    fn at(version: i64) -> Arc<Self> {
        Arc::new(Self { version: version.into(), ..Self::default() })
    }

    fn made(&self) -> u32 {
        self.made.load(Ordering::SeqCst)
    }

    fn version(&self) -> i64 {
        self.version.load(Ordering::SeqCst)
    }

    async fn make(&self) -> Result<Versioned, ()> {
        self.made.fetch_add(1, Ordering::SeqCst);
        let version = self.version();
        tokio::time::sleep(MAKING).await;
        Ok(Versioned { version, value: Bytes::from(version.to_string()) })
    }

    /// Asks a cache; the answer must fit its version.
    async fn asked(&self, cache: &Cache, at_least: i64) -> (i64, Lookup) {
        let need = Need { at_least, newest: Some(self.version()) };
        let sound = |kept: &Versioned| kept.value == kept.version.to_string();
        let (got, lookup) =
            cache.find_or_make(&key(), need, TTL, sound, self.make()).await.unwrap();
        assert_eq!(got.value, got.version.to_string());
        assert!(got.version >= at_least, "{} of {at_least}", got.version);
        (got.version, lookup)
    }
}

async fn redis(server: &RedisServer) -> Cache {
    at(&server.url()).await
}

async fn at(url: &str) -> Cache {
    let hot = hot::open(Some(&url.to_owned().into())).unwrap();
    up(&*hot).await;
    Cache::new(hot)
}

async fn up(hot: &dyn Hot) {
    let probe = Key::new(WorkspaceId::new(7).unwrap(), "probe", ["a"]);
    let answers = async {
        while hot.put(&probe, 0, Bytes::new(), TTL).await == Put::Unavailable {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), answers).await.unwrap();
}

async fn raw(server: &RedisServer, words: &[&[u8]]) {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(*word);
    }
    command.exec_async(&mut connection).await.unwrap();
}

/// What lies under a name, once something does.
async fn kept(server: &RedisServer, name: &[u8]) -> Vec<u8> {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let comes = async {
        loop {
            let found = redis::cmd("GET").arg(name).query_async(&mut connection).await;
            if let Some(found) = found.unwrap() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), comes).await.unwrap()
}

/// Many callers of several replicas at once.
async fn crowd(caches: &[Cache], truth: &Arc<Truth>, at_least: i64) {
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..200 {
        let (cache, truth) = (caches[n % caches.len()].clone(), Arc::clone(truth));
        callers.spawn(async move { truth.asked(&cache, at_least).await });
    }
    callers.join_all().await;
}

#[tokio::test]
async fn a_crowd_in_one_process_has_one_maker() {
    let cache = Cache::new(hot::open(None).unwrap());
    let truth = Truth::at(5);
    crowd(std::slice::from_ref(&cache), &truth, 0).await;
    assert_eq!(truth.made(), 1);
    assert_eq!(truth.asked(&cache, 5).await, (5, Lookup::Hit));
}

#[tokio::test]
async fn a_crowd_in_several_processes_has_one_maker() {
    let server = RedisServer::start().await;
    let caches = [redis(&server).await, redis(&server).await, redis(&server).await];
    let truth = Truth::at(5);
    crowd(&caches, &truth, 0).await;
    assert_eq!(truth.made(), 1);
}

#[tokio::test]
async fn a_maker_that_is_gone_leaves_its_place_to_the_next() {
    let cache = Cache::new(hot::open(None).unwrap());
    let truth = Truth::at(5);
    let leaving = tokio::spawn({
        let (cache, truth) = (cache.clone(), Arc::clone(&truth));
        async move { truth.asked(&cache, 0).await }
    });
    while truth.made() == 0 {
        tokio::task::yield_now().await;
    }
    let staying = truth.asked(&cache, 0);
    leaving.abort();
    assert_eq!(staying.await.0, 5);
    assert_eq!(truth.made(), 2);
}

#[tokio::test]
async fn a_truth_that_moves_all_the_time_is_looked_up_ten_times_a_second() {
    let server = RedisServer::start().await;
    let caches = [redis(&server).await, redis(&server).await];
    let truth = Truth::at(1);
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(1_000) {
        truth.version.fetch_add(1, Ordering::SeqCst);
        crowd(&caches, &truth, 0).await;
    }
    let turns = since.elapsed().as_millis() / 100 + 2;
    // On a starved machine Redis may miss its 50 ms, and then the processes take turns by themselves.
    let made = u128::from(truth.made());
    assert!(made <= turns + turns / 2, "{made} in {turns} turns");
    assert!(truth.made() >= 5, "and not once for ever: {}", truth.made());
}

#[tokio::test]
async fn what_somebody_needs_is_made_at_once() {
    let server = RedisServer::start().await;
    let cache = redis(&server).await;
    let truth = Truth::at(1);
    let mut took = Vec::new();
    for version in 1..20 {
        truth.version.store(version, Ordering::SeqCst);
        let since = Instant::now();
        assert_eq!(truth.asked(&cache, version).await.0, version);
        took.push(since.elapsed());
    }
    // A starved machine holds up some; taking turns would hold up all but the first.
    let held_up = took.iter().filter(|took| **took > MAKING + Duration::from_millis(50));
    assert!(held_up.count() < 10, "{took:?}");
}

#[tokio::test]
async fn until_it_is_known_how_old_things_are_nothing_kept_is_used() {
    let server = RedisServer::start().await;
    let truth = Truth::at(5);
    truth.asked(&redis(&server).await, 0).await;
    let (cache, need) = (redis(&server).await, Need { at_least: 0, newest: None });
    truth.version.store(9, Ordering::SeqCst);
    let (got, _) = cache.find_or_make(&key(), need, TTL, |_| true, truth.make()).await.unwrap();
    assert_eq!(got.version, 9);
}

#[tokio::test]
async fn a_dead_redis_costs_no_stampede() {
    let mut server = RedisServer::start().await;
    let cache = redis(&server).await;
    server.kill();
    let truth = Truth::at(1);
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(500) {
        truth.version.fetch_add(1, Ordering::SeqCst);
        crowd(std::slice::from_ref(&cache), &truth, 0).await;
    }
    let turns = since.elapsed().as_millis() / 100 + 2;
    assert!(u128::from(truth.made()) <= turns, "{} in {turns} turns", truth.made());
    assert_eq!(truth.asked(&cache, 0).await.1, Lookup::Off);
}

#[tokio::test]
async fn a_redis_that_is_emptied_full_of_nonsense_or_shows_old_values_changes_no_answer() {
    let server = RedisServer::start().await;
    let cache = redis(&server).await;
    let name = key();
    let (name, turn) = (name.as_str().as_bytes(), format!("{}::turn", key().as_str()));
    let truth = Truth::at(1);
    truth.asked(&cache, 1).await;
    let old = kept(&server, name).await;
    let breaks: [&[&[u8]]; 8] = [
        &[b"FLUSHALL"],
        &[b"SET", name, b"nonsense"],
        &[b"LPUSH", name, b"a list"],
        &[b"SET", name, &old],
        // A turn that never ends, one that ends too late, and one that is no text.
        &[b"SET", turn.as_bytes(), b"1"],
        &[b"SET", turn.as_bytes(), b"1", b"EX", b"600"],
        &[b"LPUSH", turn.as_bytes(), b"1"],
        &[b"CONFIG", b"SET", b"maxmemory", b"1"],
    ];
    let mut shown = 1;
    for words in breaks {
        if !words[0].starts_with(b"CONFIG") && !words[0].starts_with(b"FLUSH") {
            raw(&server, &[b"DEL", words[1]]).await;
        }
        raw(&server, words).await;
        truth.version.fetch_add(1, Ordering::SeqCst);
        let since = Instant::now();
        let mut got = shown;
        while got < truth.version() {
            got = truth.asked(&cache, shown).await.0;
            shown = shown.max(got);
            assert!(since.elapsed() < Duration::from_secs(1), "{words:?} keeps {got} up");
        }
    }
}

#[tokio::test]
async fn a_slow_redis_costs_fifty_milliseconds_and_then_nothing() {
    let server = RedisServer::start().await;
    let proxy = proxy::Proxy::before(&server.url()).await;
    let cache = at(&proxy.url()).await;
    let truth = Truth::at(1);
    truth.asked(&cache, 0).await;
    proxy.delay(Duration::from_millis(500));
    let mut spent = Vec::new();
    for version in 2..40 {
        truth.version.store(version, Ordering::SeqCst);
        let since = Instant::now();
        assert_eq!(truth.asked(&cache, version).await.0, version);
        spent.push(since.elapsed());
    }
    spent.sort_unstable();
    assert!(spent[spent.len() / 2] < MAKING * 2, "{spent:?}");
    assert!(spent.last().unwrap() < &(MAKING + Duration::from_millis(200)), "{spent:?}");
}

#[tokio::test]
async fn a_busy_redis_costs_no_answer() {
    let server = RedisServer::start().await;
    let cache = redis(&server).await;
    let truth = Truth::at(1);
    truth.asked(&cache, 0).await;
    let url = server.url();
    let sleep = tokio::task::spawn_blocking(move || {
        let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
        redis::cmd("DEBUG").arg("SLEEP").arg("0.5").query::<()>(&mut connection).is_ok()
    });
    for version in 2..20 {
        truth.version.store(version, Ordering::SeqCst);
        let since = Instant::now();
        truth.asked(&cache, version).await;
        assert!(since.elapsed() < MAKING + Duration::from_millis(200), "{:?}", since.elapsed());
    }
    let _ = sleep.await;
}
