//! The shared cache makes reports faster and never wrong, whatever becomes of it.

use std::sync::Arc;
use std::time::Duration;

use crate::harness::{Harness, START, eventually, task, token, valued, workspace};
use bytes::Bytes;
use hot::{Hot, Key, Put};
use prost::Message as _;
use redis::Commands as _;
use testkit::RedisServer;
use wire::common::v1::Outcome;
use wire::rollup::v1::{GetOverviewResponse, Measures, Overview, ReportBasis};

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
        names.map(Result::unwrap).collect()
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
