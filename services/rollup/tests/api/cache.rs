//! The shared cache makes reports faster and never wrong, whatever becomes of it.

use std::sync::Arc;
use std::time::Duration;

use crate::harness::{Harness, START, eventually, month, task, token, valued, workspace};
use bytes::Bytes;
use chassis::attr;
use hot::{Hot, Key, Put};
use prost::Message as _;
use redis::Commands as _;
use testkit::RedisServer;
use wire::common::v1::Outcome;
use wire::rollup::v1::{GetOverviewRequest, GetOverviewResponse, Measures, Overview, ReportBasis};

struct Cached {
    redis: RedisServer,
    harness: Harness,
    hot: Arc<dyn Hot>,
}

impl Cached {
    async fn start() -> Self {
        let redis = RedisServer::start().await;
        let url = redis.url();
        let db = testkit::sqlite::<rollup::Migrator>("rollup").await;
        let harness = Harness::start_with(db, &[("TALLY_REDIS_URL", &url)]).await;
        let hot = hot::open(Some(&url.into())).unwrap();
        let cached = Self { redis, harness, hot };
        cached.settled().await;
        cached
    }

    /// Until this process's own connection works.
    async fn settled(&self) {
        let probe = Key::new(workspace(), "probe", ["1"]);
        eventually("a connection to Redis", async || {
            self.hot.put(&probe, 1, Bytes::new(), Duration::from_secs(60)).await == Put::Stored
        })
        .await;
    }

    fn connection(&self) -> redis::Connection {
        redis::Client::open(self.redis.url()).unwrap().get_connection().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let pattern = format!("tally:{{{}}}:overview:*", workspace());
        let mut connection = self.connection();
        let names = connection.scan_match(pattern).unwrap();
        // Beside an answer lies, for a moment, whose turn it is to make it.
        names.map(Result::unwrap).filter(|name: &String| !name.ends_with("::turn")).collect()
    }

    fn append(&self) {
        let step = valued("a", "T-1", task("ticket_routing", Outcome::Success), 2);
        self.harness.ledger.append([(START, step)]);
    }

    async fn events(&self) -> i64 {
        self.harness.overview().await.measures.unwrap().events
    }

    /// Asks until the answer is kept under a name.
    async fn kept(&self) -> String {
        eventually("an answer in Redis", async || {
            self.events().await;
            !self.names().is_empty()
        })
        .await;
        self.names().remove(0)
    }

    /// Puts an answer with 999 events under a name, filed under `filed` and stating `stated`.
    async fn forge(&self, name: &str, filed: i64, stated: i64) {
        let overview = Overview {
            basis: Some(ReportBasis { as_of: token(stated), ..ReportBasis::default() }),
            measures: Some(Measures { events: 999, ..Measures::default() }),
            ..Overview::default()
        };
        let answer = GetOverviewResponse { overview: Some(overview) };
        let digest = name.rsplit(':').next().unwrap();
        let key = Key::new(workspace(), "overview", [digest]);
        let value = Bytes::from(answer.encode_to_vec());
        self.hot.put(&key, filed, value, Duration::from_secs(60)).await;
    }
}

#[tokio::test]
async fn an_answer_is_kept_and_served_while_it_reflects_everything() {
    let cached = Cached::start().await;
    cached.append();
    let name = cached.kept().await;
    eventually("an answer served from Redis", async || {
        cached.forge(&name, 1, 1).await;
        cached.events().await == 999
    })
    .await;
    cached.append();
    assert_eq!(cached.events().await, 2, "the next position is not what is kept");
}

#[tokio::test]
async fn a_value_that_states_another_position_is_not_believed() {
    let cached = Cached::start().await;
    cached.append();
    let name = cached.kept().await;
    cached.forge(&name, 50, 1).await;
    assert_eq!(cached.events().await, 1);
}

#[tokio::test]
async fn nonsense_and_wrong_types_are_misses() {
    let cached = Cached::start().await;
    cached.append();
    let name = cached.kept().await;
    let mut redis = cached.connection();
    redis.set::<_, _, ()>(&name, "nonsense").unwrap();
    assert_eq!(cached.events().await, 1);
    redis.del::<_, ()>(&name).unwrap();
    redis.lpush::<_, _, ()>(&name, "a list").unwrap();
    assert_eq!(cached.events().await, 1);
}

#[tokio::test]
async fn redis_may_be_emptied_hang_and_die() {
    let mut cached = Cached::start().await;
    cached.append();
    cached.kept().await;
    redis::cmd("FLUSHALL").query::<()>(&mut cached.connection()).unwrap();
    assert_eq!(cached.events().await, 1);
    cached.redis.stop();
    cached.append();
    assert_eq!(cached.events().await, 2);
    cached.redis.cont();
    cached.redis.kill();
    cached.append();
    assert_eq!(cached.events().await, 3);
}

#[tokio::test]
async fn a_full_redis_changes_no_answer() {
    let cached = Cached::start().await;
    cached.append();
    cached.kept().await;
    let mut redis = cached.connection();
    let set = |redis: &mut redis::Connection, name: &str, value: &str| {
        redis::cmd("CONFIG").arg("SET").arg(name).arg(value).query::<()>(redis).unwrap();
    };
    set(&mut redis, "maxmemory-policy", "noeviction");
    set(&mut redis, "maxmemory", "1");
    for events in 2..6 {
        cached.append();
        assert_eq!(cached.events().await, events);
    }
}

#[tokio::test]
async fn an_old_answer_that_comes_back_is_not_shown_to_who_has_seen_a_newer() {
    let cached = Cached::start().await;
    cached.append();
    let name = cached.kept().await;
    let mut redis = cached.connection();
    let old: Vec<u8> = redis.get(&name).unwrap();
    cached.append();
    assert_eq!(cached.events().await, 2);
    let (mut seen, rounds) = (2, 30);
    for _ in 0..rounds {
        redis.set::<_, _, ()>(&name, &old).unwrap();
        // Without asking for a position: what this replica has shown must do.
        let request = GetOverviewRequest { query: Some(month()), compare_previous: false };
        let overview = cached.harness.reports().get_overview(request).await.unwrap().into_inner();
        let events = overview.overview.unwrap().measures.unwrap().events;
        assert!(events >= seen, "{events} after {seen}");
        seen = events;
    }
}

#[tokio::test]
async fn the_trace_and_a_metric_say_whether_the_cache_had_it() {
    let otlp = testkit::Otlp::start("rollup").await;
    let mut cached = Cached::start().await;
    cached.append();
    cached.kept().await;
    assert_eq!(cached.events().await, 1);
    cached.redis.kill();
    cached.append();
    assert_eq!(cached.events().await, 2);
    let calls = otlp.named("tally.rollup.v1.ReportService/GetOverview").await;
    let server = chassis::trace::Kind::Server;
    let told: Vec<_> = calls.iter().filter(|span| span.is(&span.name, &server)).collect();
    let told: Vec<&str> = told.iter().map(|span| span.attr(attr::CACHE_RESULT)).collect();
    for result in ["hit", "miss", "off"] {
        assert!(told.contains(&result), "{result} in {told:?}");
    }
    let metrics = otlp.metrics().await;
    assert!(metrics.contains(&attr::CACHE_LOOKUPS.to_owned()), "{metrics:?}");
}
