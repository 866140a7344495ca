//! TrackStream.

use futures_util::stream;
use sea_orm::{ConnectionTrait as _, Statement};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use wire::ingest::v1::{TrackStreamRequest, TrackStreamResponse};

use super::*;

/// Longer than any of this takes, far below the patience of a drain that waits.
const SOON: Duration = Duration::from_secs(2);

fn sent(event: Event) -> TrackStreamRequest {
    TrackStreamRequest { event: Some(event) }
}

/// An open stream: what is sent into it, and what comes back.
struct Open {
    requests: mpsc::Sender<TrackStreamRequest>,
    results: Streaming<TrackStreamResponse>,
}

impl Open {
    async fn with(mut ingest: IngestServiceClient<chassis::Channel>) -> Self {
        let (requests, stream) = mpsc::channel(16);
        let results = ingest.track_stream(ReceiverStream::new(stream)).await.unwrap().into_inner();
        Self { requests, results }
    }

    async fn send(&self, event: Event) {
        self.requests.send(sent(event)).await.unwrap();
    }

    async fn receipt(&mut self) -> Receipt {
        let result = self.results.message().await.unwrap().unwrap().result.unwrap();
        match result.result.unwrap() {
            Tracked::Receipt(receipt) => receipt,
            Tracked::Refusal(refusal) => panic!("{refusal:?}"),
        }
    }

    /// The status it ends with; whatever results come before it do not matter.
    async fn ends(&mut self) -> tonic::Status {
        loop {
            match self.results.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended with OK"),
                Err(status) => return status,
            }
        }
    }
}

/// Everything is sent without waiting for anything.
async fn all(h: &Harness, events: Vec<Event>) -> Vec<Tracked> {
    let requests = stream::iter(events.into_iter().map(sent).collect::<Vec<_>>());
    let mut results = h.ingest().track_stream(requests).await.unwrap().into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = results.message().await.unwrap() {
        answers.push(answer.result.unwrap().result.unwrap());
    }
    answers
}

fn seq(tracked: &Tracked) -> i64 {
    match tracked {
        Tracked::Receipt(receipt) => receipt.event_id.parse::<kernel::EventId>().unwrap().0.seq,
        Tracked::Refusal(refusal) => panic!("{refusal:?}"),
    }
}

async fn thousands_in_flight(db: TestDb) {
    const EVENTS: usize = 3_000;
    let h = Harness::on(db).await;
    let events = || (0..EVENTS).map(|n| success(&format!("k{n}"))).collect::<Vec<_>>();
    let first = all(&h, events()).await;
    let places: Vec<i64> = first.iter().map(seq).collect();
    assert_eq!(places, (1..=EVENTS as i64).collect::<Vec<_>>(), "in the order sent, none missing");
    let again = all(&h, events()).await;
    assert_eq!(again.iter().map(seq).collect::<Vec<_>>(), places);
    assert!(again.iter().all(|a| matches!(a, Tracked::Receipt(receipt) if receipt.duplicate)));
    assert_eq!(h.entries(EVENTS).await, places);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_in_flight_are_answered_in_order_on_sqlite() {
    thousands_in_flight(testkit::sqlite::<Migrator>("ingest").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_in_flight_are_answered_in_order_on_postgres() {
    thousands_in_flight(testkit::postgres::<Migrator>("ingest").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_answers_per_item_as_a_batch_does() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let nobodys = Event { agent_id: String::new(), ..step("", 0) };
    let events = vec![success("a"), nobodys, success("a"), step("a", 3), Event::default()];
    let answers = all(&h, events).await.into_iter().map(|answer| match answer {
        Tracked::Receipt(receipt) if receipt.duplicate => "duplicate".to_owned(),
        Tracked::Receipt(_) => "new".to_owned(),
        Tracked::Refusal(refusal) => {
            let fields = refusal.violations.iter().map(|v| v.field.as_str());
            let fields = fields.chain(refusal.metadata.get("fields").map(String::as_str));
            let fields: Vec<&str> = fields.collect();
            format!("{} {}", refusal.reason, fields.join(" "))
        }
    });
    assert_eq!(
        answers.collect::<Vec<_>>(),
        [
            "new",
            "REQUIRED event.agent_id event.task_completed.outcome",
            "duplicate",
            "IDEMPOTENCY_CONFLICT task_completed.outcome",
            "REQUIRED event.agent_id event.body"
        ]
    );
    assert_eq!(h.entries(1).await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_stream_resumes_with_duplicates_and_never_doubles() {
    const EVENTS: usize = 400;
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let mut answered = Vec::new();
    while answered.len() < EVENTS {
        let mut open = Open::with(h.ingest()).await;
        let requests = open.requests.clone();
        let begin = answered.len();
        let sending = tokio::spawn(async move {
            for n in begin..EVENTS {
                if requests.send(sent(success(&format!("k{n}")))).await.is_err() {
                    return;
                }
            }
        });
        // Each stream breaks after fewer answers than were sent.
        for _ in 0..97.min(EVENTS - begin) {
            answered.push(open.receipt().await.event_id);
        }
        drop(open);
        sending.await.unwrap();
    }
    let seqs = h.entries(EVENTS).await;
    assert_eq!(seqs, (1..=EVENTS as i64).collect::<Vec<_>>(), "each once");
    let ids: std::collections::BTreeSet<_> = answered.iter().collect();
    assert_eq!(ids.len(), EVENTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_reads_no_results_is_not_read_from() {
    const EVENTS: usize = 1_500;
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    // Refused at length, so that what waits to be read outgrows every window.
    let mut bad = step("", 0);
    bad.metadata = (0..32).map(|n| (format!("{n}\n{}", "k".repeat(50)), "\0".into())).collect();
    let (requests, stream) = mpsc::channel(1);
    let mut ingest = h.ingest();
    let mut results = ingest.track_stream(ReceiverStream::new(stream)).await.unwrap().into_inner();
    let mut sending = tokio::spawn(async move {
        for _ in 0..EVENTS {
            requests.send(sent(bad.clone())).await.unwrap();
        }
    });
    let held_back = tokio::time::timeout(SOON, &mut sending).await;
    assert!(held_back.is_err(), "everything was taken in though nothing was read");
    for _ in 0..EVENTS {
        assert!(results.message().await.unwrap().is_some());
    }
    sending.await.unwrap();
    assert!(results.message().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_stream_does_not_hold_up_the_drain() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let mut open = Open::with(h.ingest()).await;
    open.send(success("a")).await;
    open.receipt().await;
    let drained = tokio::spawn(h.server.stop());
    let status = tokio::time::timeout(SOON, open.ends()).await.unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(reason_of(&status), Some(ErrorReason::ShuttingDown));
    assert!(tokio::time::timeout(SOON, drained).await.unwrap().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_in_is_answered_before_a_stop_ends_the_stream() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let replica = h.replica().await;
    let ingest = IngestServiceClient::new(replica.channel_with_key(Some(&h.key)));
    let mut open = Open::with(ingest).await;
    let requests = open.requests.clone();
    let sending = tokio::spawn(async move {
        let mut n = 0;
        while requests.send(sent(success(&format!("k{n}")))).await.is_ok() {
            n += 1;
        }
    });
    let mut answered = vec![open.receipt().await.event_id];
    let drained = tokio::spawn(replica.stop());
    let status = loop {
        match open.results.message().await {
            Ok(Some(answer)) => match answer.result.unwrap().result.unwrap() {
                Tracked::Receipt(receipt) => answered.push(receipt.event_id),
                Tracked::Refusal(refusal) => panic!("{refusal:?}"),
            },
            Ok(None) => panic!("it ended with OK"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason_of(&status), Some(ErrorReason::ShuttingDown), "{status:?}");
    drop(open);
    sending.await.unwrap();
    assert!(drained.await.unwrap());
    // Nothing was taken in without being answered: the ledger ends where the answers end.
    assert_eq!(h.tail(0, answered.len()).await.len(), answered.len());
    let last: kernel::EventId = answered.last().unwrap().parse().unwrap();
    assert_eq!(last.0.seq, answered.len() as i64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_ends_its_open_streams() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let mut access = AccessServiceClient::new(h.server.channel_with_key(Some(&h.key)));
    let new = CreateApiKeyRequest { scopes: vec![Scope::Track.into()], ..Default::default() };
    let made = access.create_api_key(new).await.unwrap().into_inner();
    let ingest = IngestServiceClient::new(h.server.channel_with_key(Some(&made.secret)));
    let mut open = Open::with(ingest).await;
    open.send(success("a")).await;
    open.receipt().await;
    let key_id = made.api_key.unwrap().key_id;
    access.revoke_api_key(RevokeApiKeyRequest { key_id, ..Default::default() }).await.unwrap();
    h.clock.advance(Duration::from_secs(2));
    open.send(success("b")).await;
    let status = open.ends().await;
    assert_eq!(
        (status.code(), reason_of(&status)),
        (Code::Unauthenticated, Some(ErrorReason::RevokedCredentials))
    );
    assert_eq!(h.entries(1).await, [1], "nothing more was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_database_ends_the_stream_and_answers_for_nothing_it_lost() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let mut open = Open::with(h.ingest()).await;
    open.send(success("a")).await;
    open.receipt().await;
    let broken = h.db.db.write(|txn| {
        Box::pin(async move {
            let sql = "ALTER TABLE event RENAME TO lost";
            let backend = txn.get_database_backend();
            txn.execute_raw(Statement::from_string(backend, sql)).await?;
            Ok::<_, db::Error>(())
        })
    });
    broken.await.unwrap();
    open.send(success("b")).await;
    let status = open.results.message().await.unwrap_err();
    assert_eq!((status.code(), reason_of(&status)), (Code::Internal, Some(ErrorReason::Internal)));
    assert!(!status.message().contains("table"), "{}", status.message());
}
