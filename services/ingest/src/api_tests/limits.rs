//! Limits of a workspace at two replicas, with Redis, without it, and when it goes away in between.
#![expect(clippy::disallowed_methods, reason = "waits for a real Redis")]

use testkit::RedisServer;
use wire::ingest::v1::{
    CallStatus, LedgerRecord, LlmCall, OutcomeRevised, Receipt, Ticket, TrackBatchResponse,
    UpdateWorkspaceRequest, Warning,
};

use super::*;

impl Harness {
    async fn limit(&self, request: UpdateWorkspaceRequest) {
        let mut access = AccessServiceClient::new(self.server.channel_with_key(Some(&self.key)));
        access.update_workspace(request).await.unwrap();
        // Settings are believed for a second.
        self.clock.advance(Duration::from_secs(1));
    }

    async fn track_at(&self, server: &Server, event: Event) -> Result<Receipt, tonic::Status> {
        let mut ingest = IngestServiceClient::new(server.channel_with_key(Some(&self.key)));
        let request = TrackRequest { event: Some(event), ..Default::default() };
        ingest.track(request).await.map(|answer| answer.into_inner().receipt.unwrap())
    }

    async fn try_track(&self, key: &str) -> Result<Receipt, tonic::Status> {
        self.track_at(&self.server, success(key)).await
    }

    async fn try_batch(&self, count: usize) -> Result<TrackBatchResponse, tonic::Status> {
        let request = TrackBatchRequest { events: vec![success(""); count], ..Default::default() };
        self.ingest().track_batch(request).await.map(tonic::Response::into_inner)
    }

    async fn record(&self, receipt: &Receipt) -> LedgerRecord {
        let request = GetEventRequest { event_id: receipt.event_id.clone() };
        let found = self.ingest().get_event(request).await.unwrap().into_inner();
        found.event.unwrap().record.unwrap()
    }
}

/// The delay a refusal for its rate names.
fn delay(status: &tonic::Status) -> Duration {
    assert_eq!(
        (status.code(), reason_of(status)),
        (Code::ResourceExhausted, Some(ErrorReason::RateLimited)),
        "{status:?}"
    );
    status.get_details_retry_info().unwrap().retry_delay.unwrap()
}

fn rate(per_second: i32, burst: i32) -> UpdateWorkspaceRequest {
    UpdateWorkspaceRequest {
        rate_limit_per_second: Some(per_second),
        rate_burst: Some(burst),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_past_the_rate_are_refused_with_the_delay_after_which_they_fit() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    h.limit(rate(10, 3)).await;
    for _ in 0..3 {
        h.try_track("").await.unwrap();
    }
    let refused = h.try_track("").await.unwrap_err();
    assert_eq!(delay(&refused), Duration::from_millis(100));
    h.clock.advance(Duration::from_millis(100));
    h.try_track("").await.unwrap();
    delay(&h.try_track("").await.unwrap_err());

    // A batch goes in whole or not at all, and one larger than the burst waits for a full bucket.
    h.clock.advance(Duration::from_millis(200));
    assert_eq!(delay(&h.try_batch(3).await.unwrap_err()), Duration::from_millis(100));
    h.clock.advance(Duration::from_millis(100));
    assert_eq!(h.try_batch(13).await.unwrap().results.len(), 13);
    let refused = h.try_batch(1).await.unwrap_err();
    assert_eq!(delay(&refused), Duration::from_millis(1_100), "ten are owed");
    let seqs = h.entries(17).await;
    assert_eq!(seqs, (1..=17).collect::<Vec<_>>(), "nothing of what was refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_before_what_is_too_fast_and_checking_uses_nothing_up() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    h.limit(rate(1, 1)).await;
    let dry = TrackRequest { event: Some(success("")), validate_only: true, ..Default::default() };
    for _ in 0..3 {
        h.ingest().track(dry.clone()).await.unwrap();
        assert_eq!(h.refused(step("", 9)).await.code(), Code::InvalidArgument);
    }
    h.try_track("").await.unwrap();
    delay(&h.try_track("").await.unwrap_err());
    assert_eq!(h.refused(step("", 9)).await.code(), Code::InvalidArgument);
    h.ingest().track(dry).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_install_limits_workspaces_that_say_nothing_and_a_change_holds_within_a_second() {
    let settings = [("TALLY_INGEST_RATE_LIMIT", "5"), ("TALLY_INGEST_RATE_BURST", "2")];
    let h = Harness::with(testkit::sqlite::<Migrator>("ingest").await, &settings).await;
    h.try_batch(2).await.unwrap();
    assert_eq!(delay(&h.try_track("").await.unwrap_err()), Duration::from_millis(200));
    h.limit(rate(1_000, 1_000)).await;
    h.try_batch(1_000).await.unwrap();
    h.limit(rate(0, 0)).await;
    h.clock.advance(Duration::from_secs(10));
    h.try_batch(2).await.unwrap();
    delay(&h.try_track("").await.unwrap_err());
}

/// Events let in by both replicas together, up to the first refusal of each.
async fn let_in(h: &Harness, other: &Server) -> usize {
    let mut count = 0;
    for server in [&h.server, other] {
        while h.track_at(server, success("")).await.is_ok() {
            count += 1;
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_a_rate_through_redis_and_each_keeps_its_own_without() {
    let mut redis = RedisServer::start().await;
    let settings = [("TALLY_REDIS_URL", &*redis.url())];
    let h = Harness::with(testkit::sqlite::<Migrator>("ingest").await, &settings).await;
    let other = serve(&h.db, &h.clock, &settings).await;
    // Redis goes by its own clock: this earns nothing to speak of while the test runs.
    h.limit(rate(1, 40)).await;
    // Until Redis is connected the replicas limit by themselves, as they do later on.
    let shared = async {
        loop {
            let hot = hot::open(Some(&redis.url().into())).unwrap();
            let key = hot::Key::new(h.workspace, "probe", ["a"]);
            let ttl = Duration::from_secs(1);
            if hot.put(&key, 1, Default::default(), ttl).await == hot::Put::Stored {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), shared).await.unwrap();
    let together = let_in(&h, &other).await;
    assert!((40..60).contains(&together), "{together} of 40, which replicas share");

    redis.kill();
    h.clock.advance(Duration::from_secs(1));
    let apart = let_in(&h, &other).await;
    assert!((80..90).contains(&apart), "{apart}: 40 each, and nothing else changes");

    redis.restart().await;
    let back = async {
        loop {
            h.clock.advance(Duration::from_millis(20));
            // An emptied Redis holds a full bucket; memory has none left, and earns one a second.
            if h.try_batch(30).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), back).await.unwrap();
}

fn quota(soft: i64, hard: i64) -> UpdateWorkspaceRequest {
    UpdateWorkspaceRequest {
        monthly_quota_soft: Some(soft),
        monthly_quota_hard: Some(hard),
        ..Default::default()
    }
}

fn used_up(status: &tonic::Status) -> (String, String, String) {
    assert_eq!(
        (status.code(), reason_of(status)),
        (Code::ResourceExhausted, Some(ErrorReason::QuotaExceeded)),
        "{status:?}"
    );
    let info = status.get_details_error_info().unwrap();
    let [quota, used, resets] =
        ["quota", "used", "resets"].map(|name| info.metadata.get(name).unwrap().clone());
    (quota, used, resets)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_warns_then_refuses_and_the_next_month_is_a_new_one() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    h.limit(quota(2, 4)).await;
    let warned = |receipt: &Receipt| receipt.warnings().any(|w| w == Warning::MonthlyQuota);
    let mut warnings = Vec::new();
    for key in ["a", "b", "b", "b", "c", "d"] {
        let receipt = h.try_track(key).await.unwrap();
        warnings.push((receipt.duplicate, warned(&receipt)));
    }
    let (new, past, again) = ((false, false), (false, true), (true, false));
    assert_eq!(warnings, [new, new, again, again, past, past]);
    let expected = ("4".to_owned(), "4".to_owned(), "2026-07-01T00:00:00Z".to_owned());
    assert_eq!(used_up(&h.try_track("e").await.unwrap_err()), expected);
    assert_eq!(used_up(&h.try_batch(2).await.unwrap_err()), expected);
    assert!(h.try_track("a").await.unwrap().duplicate, "what stands is answered as ever");
    let dry = TrackRequest { event: Some(success("e")), validate_only: true, ..Default::default() };
    h.ingest().track(dry).await.unwrap();
    let revised = OutcomeRevised {
        event_id: h.try_track("a").await.unwrap().event_id,
        outcome: Outcome::Failure.into(),
        ..Default::default()
    };
    let correction = Event { body: Some(Body::OutcomeRevised(revised)), ..success("r") };
    h.track_at(&h.server, correction).await.unwrap();
    // Counted behind the ledger, it is the same.
    for _ in 0..5 {
        h.clock.advance(Duration::from_millis(500));
        used_up(&h.try_track("e").await.unwrap_err());
    }
    h.clock.set("2026-07-01T00:00:00Z".parse().unwrap());
    assert!(!warned(&h.try_track("e").await.unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_count_one_quota_and_a_replica_that_starts_later_knows_what_was_used() {
    let h = Harness::on(testkit::postgres::<Migrator>("ingest").await).await;
    let other = serve(&h.db, &h.clock, &[]).await;
    // Before anybody set a quota, and counted all the same.
    h.try_batch(5).await.unwrap();
    h.limit(quota(0, 10)).await;
    h.try_batch(3).await.unwrap();
    let counted = async |server: &Server| {
        let full = async {
            let event = || Event { idempotency_key: String::new(), ..success("") };
            loop {
                h.clock.advance(Duration::from_millis(400));
                match h.track_at(server, event()).await {
                    Err(status) => break used_up(&status),
                    Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), full).await.unwrap()
    };
    let (quota, used, _) = counted(&other).await;
    // What one took in before the other had it counted may go past it, by that much.
    let used: u64 = used.parse().unwrap();
    assert!(quota == "10" && (10..=12).contains(&used), "{used}");
    let later = serve(&h.db, &h.clock, &[]).await;
    assert_eq!(counted(&later).await.0, "10");
    counted(&h.server).await;
}

fn of_queue(queue: &str, agent: &str) -> Event {
    let ticket = Ticket { queue: queue.into(), ..Default::default() };
    Event { agent_id: agent.into(), ticket: Some(ticket.into()), ..success("") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_past_the_limit_are_stored_as_sent_and_named_as_overflowed() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    h.limit(UpdateWorkspaceRequest { dimension_values_max: Some(2), ..Default::default() }).await;
    let mut seen = Vec::new();
    for (queue, agent) in [("a", "x"), ("b", "x"), ("c", "x"), ("a", "y"), ("c", "z"), ("", "x")] {
        let receipt = h.track_at(&h.server, of_queue(queue, agent)).await.unwrap();
        let record = h.record(&receipt).await;
        let warned = receipt.warnings().any(|w| w == Warning::DimensionOverflowed);
        assert_eq!(warned, !record.overflowed.is_empty());
        let event = record.event.unwrap();
        let stored = event.ticket.map(|ticket| ticket.queue).unwrap_or_default();
        assert_eq!((stored.as_str(), event.agent_id.as_str()), (queue, agent), "as sent");
        seen.push(record.overflowed.join(" "));
    }
    assert_eq!(seen, ["", "", "queue", "", "agent_id queue", ""]);
    // A model's name counts whoever says it.
    for (model, overflowed) in [("m", ""), ("n", ""), ("o", "model")] {
        let status = CallStatus::Ok.into();
        let call = LlmCall { model: model.into(), status, ..Default::default() };
        let event = Event { body: Some(Body::LlmCall(call.into())), ..of_queue("a", "x") };
        let receipt = h.track_at(&h.server, event).await.unwrap();
        assert_eq!(h.record(&receipt).await.overflowed.join(" "), overflowed, "{model}");
    }
    // More room gives names to those that come from then on.
    h.limit(UpdateWorkspaceRequest { dimension_values_max: Some(3), ..Default::default() }).await;
    let receipt = h.track_at(&h.server, of_queue("c", "x")).await.unwrap();
    assert!(h.record(&receipt).await.overflowed.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_known_to_a_replica_that_starts_later() {
    let h = Harness::on(testkit::postgres::<Migrator>("ingest").await).await;
    h.limit(UpdateWorkspaceRequest { dimension_values_max: Some(2), ..Default::default() }).await;
    for queue in ["a", "b"] {
        h.track_at(&h.server, of_queue(queue, "x")).await.unwrap();
    }
    let store = crate::store::DimensionStore(h.db.db.clone());
    let kept = async {
        while store.load(h.workspace).await.unwrap().len() < 3 {
            h.clock.advance(Duration::from_millis(400));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), kept).await.unwrap();
    let later = serve(&h.db, &h.clock, &[]).await;
    for (queue, overflowed) in [("a", ""), ("c", "queue"), ("b", "")] {
        let receipt = h.track_at(&later, of_queue(queue, "x")).await.unwrap();
        assert_eq!(h.record(&receipt).await.overflowed.join(" "), overflowed, "{queue}");
    }
}
