//! The guard over a Redis that replicas share, and one that is lost.

use chassis::attr;
use testkit::RedisServer;

use super::*;

/// An ingest whose counters are in `redis` for certain.
async fn on_redis(redis: &RedisServer) -> Guarded {
    let h = Guarded::with(Some(&redis.url())).await;
    counts(&h, &h.server).await;
    h
}

/// Asks on tickets of their own until nothing fails open: connections are made in the background.
async fn counts(h: &Guarded, server: &Server) {
    let mut guard = GuardServiceClient::new(server.channel_with_key(Some(&h.key)));
    let answers = async {
        for n in 0.. {
            let probe = CheckCallRequest { ticket_id: format!("probe-{n}"), ..model("mini", 1) };
            if !guard.check_call(probe).await.unwrap().into_inner().failed_open {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), answers).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_count_together() {
    let redis = RedisServer::start().await;
    let h = on_redis(&redis).await;
    let other = serve(&h.db, &h.clock, Some(&redis.url())).await;
    counts(&h, &other).await;
    let mut there = GuardServiceClient::new(other.channel_with_key(Some(&h.key)));
    for seen in 0..3 {
        let answer = match seen % 2 {
            0 => h.check(model("mini", 1)).await,
            _ => there.check_call(model("mini", 1)).await.unwrap().into_inner(),
        };
        assert_eq!((answer.verdict(), answer.seen), (Allow, seen));
    }
    let answer = there.check_call(model("mini", 1)).await.unwrap().into_inner();
    assert_eq!((answer.verdict(), answer.seen), (Deny, 3));
    at_once(&h, Some(&other)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_heard_by_one_replica_holds_at_the_other() {
    let redis = RedisServer::start().await;
    let h = on_redis(&redis).await;
    let other = serve(&h.db, &h.clock, Some(&redis.url())).await;
    counts(&h, &other).await;
    let mut there = GuardServiceClient::new(other.channel_with_key(Some(&h.key)));
    let request = tool("refund", r#"{"order":7}"#);
    let answer = there.check_call(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.verdict(), Allow);
    h.ended(r#"{"order":7}"#, CallStatus::RetryableError).await;
    let heard = async {
        loop {
            let answer = there.check_call(request.clone()).await.unwrap().into_inner();
            if answer.verdict() == Allow {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(std::time::Duration::from_secs(10), heard).await.unwrap();
    assert_eq!((answer.seen, answer.limit), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_counters_the_guard_fails_open_and_says_so() {
    let mut redis = RedisServer::start().await;
    let h = on_redis(&redis).await;
    redis.kill();
    for _ in 0..5 {
        for request in [model("mini", 1), tool("refund", "{}")] {
            let answer = h.check(request).await;
            assert_eq!((answer.verdict(), answer.failed_open), (Allow, true));
        }
    }
    let warned = h.check(model("new-model", 1)).await;
    assert_eq!((warned.verdict(), warned.failed_open), (Warn, true));
    // What needs no counter is known all the same.
    let over = h.check(on("order_status", model("maxi-1", 1))).await;
    assert_eq!((over.verdict(), over.failed_open), (Deny, false));
    assert_eq!(h.verdict(model("mini", 4)).await, verdict(Deny, "retry-budget", 3, 3));
    redis.restart().await;
    counts(&h, &h.server).await;
    assert_eq!(h.verdict(model("mini", 1)).await, verdict(Allow, "", 0, 3), "counted anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_open_and_a_denial_that_is_not_recorded_are_counted() {
    let otlp = testkit::Otlp::start("ingest").await;
    let mut redis = RedisServer::start().await;
    redis.kill();
    let h = Guarded::with(Some(&redis.url())).await;
    assert_eq!(h.verdict(model("mini", 9)).await.0, Deny);
    let metrics = otlp.metrics().await;
    assert!(metrics.contains(&attr::GUARD_VERDICTS.to_owned()), "{metrics:?}");
    assert!(!metrics.contains(&attr::GUARD_FAILED_OPEN.to_owned()), "nothing was counted");
    assert!(!metrics.contains(&attr::GUARD_UNRECORDED.to_owned()), "the denial stands");
    assert!(h.check(model("mini", 1)).await.failed_open);
    h.break_ledger().await;
    assert_eq!(h.verdict(model("mini", 8)).await.0, Deny);
    let metrics = otlp.metrics().await;
    assert!(metrics.contains(&attr::GUARD_FAILED_OPEN.to_owned()), "{metrics:?}");
    assert!(metrics.contains(&attr::GUARD_UNRECORDED.to_owned()), "{metrics:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_holds_no_caller_up() {
    let redis = RedisServer::start().await;
    let h = on_redis(&redis).await;
    redis.stop();
    // Far below the patience of a call, far above what two busy cores take.
    let soon = std::time::Duration::from_secs(5);
    let answer = tokio::time::timeout(soon, h.check(tool("refund", "{}"))).await.unwrap();
    assert_eq!((answer.verdict(), answer.failed_open), (Allow, true));
    redis.cont();
}
