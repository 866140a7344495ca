//! Ingest through a real channel, without a catalog to talk to: the kept copy must do.

mod access;
mod catalog_copy;
mod correct;
mod cost;
mod flood;
mod guard;
mod interleave;
mod limits;
mod list;
mod queue;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use chassis::Service;
use chassis::config::Reader;
use db::Db;
use fault::{ErrorReason, reason_of};
use kernel::{Timestamp, WorkspaceId};
use prost::Message as _;
use testkit::{FakeClock, Server, TestDb};
use tonic::Code;
use tonic_types::StatusExt as _;
use wire::catalog::v1 as catalog;
use wire::catalog::v1::change::Body as Fact;
use wire::common::v1::{Outcome, Refusal, Scope};
use wire::ingest::v1::access_service_client::AccessServiceClient;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;
use wire::ingest::v1::track_result::Result as Tracked;
use wire::ingest::v1::{
    CreateApiKeyRequest, CreateWorkspaceRequest, Event, GetEventRequest, LedgerEntry, Receipt,
    RecordedEvent, RevokeApiKeyRequest, TailRequest, TaskCompleted, TrackBatchRequest,
    TrackRequest,
};

use crate::store::CatalogCopyStore;
use crate::{Config, Migrator, start};

/// Between two looks at a silent tail, and what the clock moves on by then.
const LOOK: Duration = Duration::from_millis(20);
const POLL: Duration = Duration::from_millis(250);

/// Ingest on a database of its own, with a workspace and its admin key.
struct Harness {
    server: Server,
    clock: Arc<FakeClock>,
    key: String,
    workspace: WorkspaceId,
    db: TestDb,
}

impl Harness {
    async fn on(db: TestDb) -> Self {
        Self::with(db, &[]).await
    }

    /// With settings of its own beside the usual ones.
    async fn with(db: TestDb, settings: &[(&str, &str)]) -> Self {
        keep_a_catalog(&db.db).await;
        let clock = Arc::new(FakeClock::at("2026-06-01T12:00:00Z".parse::<Timestamp>().unwrap()));
        let server = serve(&db, &clock, settings).await;
        let (workspace, key) = create_workspace(&server).await;
        Self { server, clock, key, workspace, db }
    }

    /// A second ingest on the same database.
    async fn replica(&self) -> Server {
        serve(&self.db, &self.clock, &[]).await
    }

    /// A caller of a workspace of their own.
    async fn stranger(&self) -> IngestServiceClient<chassis::Channel> {
        let (_, key) = create_workspace(&self.server).await;
        IngestServiceClient::new(self.server.channel_with_key(Some(&key)))
    }

    async fn track(&self, event: Event) -> Receipt {
        let request = TrackRequest { event: Some(event), ..Default::default() };
        self.ingest().track(request).await.unwrap().into_inner().receipt.unwrap()
    }

    async fn find(&self, event_id: &str) -> RecordedEvent {
        let request = GetEventRequest { event_id: event_id.into() };
        self.ingest().get_event(request).await.unwrap().into_inner().event.unwrap()
    }

    fn ingest(&self) -> IngestServiceClient<chassis::Channel> {
        IngestServiceClient::new(self.server.channel_with_key(Some(&self.key)))
    }

    async fn refused(&self, event: Event) -> tonic::Status {
        let request = TrackRequest { event: Some(event), ..Default::default() };
        self.ingest().track(request).await.unwrap_err()
    }

    /// Every entry of the workspace's partition, in order.
    async fn entries(&self, at_least: usize) -> Vec<i64> {
        self.tail(0, at_least).await.iter().map(|entry| entry.seq).collect()
    }

    /// At least so many entries of the partition behind `seq`. Other replicas' commits are found by
    /// looking now and then, so time moves on while nothing comes.
    async fn tail(&self, seq: i64, at_least: usize) -> Vec<LedgerEntry> {
        self.tail_of(self.workspace, seq, at_least).await
    }

    async fn tail_of(&self, whose: WorkspaceId, seq: i64, at_least: usize) -> Vec<LedgerEntry> {
        let mut ledger = LedgerServiceClient::new(self.server.service_channel());
        let cursor = wire::common::v1::Position { partition: whose.partition().get().into(), seq };
        let request = TailRequest { consumer: "test".into(), cursors: vec![cursor] };
        let mut stream = ledger.tail(request).await.unwrap().into_inner();
        let mut entries = Vec::new();
        while entries.len() < at_least {
            match tokio::time::timeout(LOOK, stream.message()).await {
                Ok(message) => entries.extend(message.unwrap().unwrap().entries),
                Err(_) => self.clock.advance(POLL),
            }
        }
        entries
    }
}

/// An ingest on `db`, beside others.
async fn serve(db: &TestDb, clock: &Arc<FakeClock>, settings: &[(&str, &str)]) -> Server {
    let ctx = testkit::context(Arc::clone(clock) as _);
    let service: Service = start(config(&db.settings().url, settings), &ctx).await.unwrap();
    assert!(*service.ready.borrow(), "the kept copy is enough to be ready");
    testkit::serve(service, &ctx).await
}

async fn create_workspace(server: &Server) -> (WorkspaceId, String) {
    let new = CreateWorkspaceRequest { name: "acme".into(), ..Default::default() };
    let mut access = AccessServiceClient::new(server.service_channel());
    let made = access.create_workspace(new).await.unwrap().into_inner();
    (made.workspace.unwrap().workspace_id.parse().unwrap(), made.api_key)
}

/// The fields a refusal names, in its order.
fn fields(status: &tonic::Status) -> Vec<String> {
    let bad = status.get_details_bad_request().into_iter();
    bad.flat_map(|bad| bad.field_violations).map(|violation| violation.field).collect()
}

fn config(url: &str, settings: &[(&str, &str)]) -> Config {
    let mut vars = std::collections::BTreeMap::from([
        ("TALLY_INGEST_DATABASE_URL".to_owned(), url.to_owned()),
        // Nobody listens there.
        ("TALLY_CATALOG_URL".to_owned(), "http://127.0.0.1:1".to_owned()),
    ]);
    vars.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let mut reader = Reader::new(&vars, "INGEST");
    Config::read(&mut reader)
}

async fn keep_a_catalog(db: &Db) {
    let task_type =
        catalog::TaskType { task_type: "email_classification".into(), ..Default::default() };
    let baseline = catalog::Baseline {
        key: Some(catalog::BaselineKey {
            task_type: "email_classification".into(),
            ..Default::default()
        }),
        baseline_ms: 240_000,
        source: catalog::BaselineSource::BuiltIn.into(),
        ..Default::default()
    };
    let changes = [Fact::TaskType(task_type), Fact::Baseline(baseline)]
        .map(|body| catalog::Change { body: Some(body), ..Default::default() }.encode_to_vec());
    CatalogCopyStore(db.clone()).keep_built_ins(changes.to_vec()).await.unwrap();
}

fn step(key: &str, outcome: i32) -> Event {
    Event {
        idempotency_key: key.into(),
        agent_id: "support-triage".into(),
        body: Some(Body::TaskCompleted(Box::new(TaskCompleted {
            task_type: "email_classification".into(),
            outcome,
            ..Default::default()
        }))),
        ..Default::default()
    }
}

fn success(key: &str) -> Event {
    step(key, Outcome::Success.into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_says_what_a_step_was_worth() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let request = TrackRequest { event: Some(success("k")), ..Default::default() };
    let receipt = h.ingest().track(request.clone()).await.unwrap().into_inner().receipt.unwrap();
    assert_eq!(receipt.valuation.as_ref().unwrap().credited_ms, 240_000);
    assert_eq!(receipt.cost_saved.as_ref().unwrap().micros, 3_000_000, "4 minutes at EUR 45");
    h.clock.advance(Duration::from_secs(60));
    let again = h.ingest().track(request).await.unwrap().into_inner().receipt.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.event_id, receipt.event_id);
    assert_eq!(again.recorded_time, receipt.recorded_time, "the first receipt, not a new one");

    let found = GetEventRequest { event_id: receipt.event_id };
    let found = h.ingest().get_event(found).await.unwrap().into_inner().event.unwrap();
    assert_eq!(found.record.unwrap().event.unwrap().agent_id, "support-triage");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_events_are_refused_with_code_reason_and_field_and_nothing_is_written() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let task = |task_type: &str| {
        let mut event = success("");
        if let Some(Body::TaskCompleted(body)) = &mut event.body {
            body.task_type = task_type.into();
        }
        event
    };
    let mut large = success("");
    large.metadata = (0..33).map(|n| (format!("k{n}"), "x".repeat(1_000))).collect();
    for (event, reason, field) in [
        (task(""), ErrorReason::Required, "event.task_completed.task_type"),
        (
            task("email_clasification"),
            ErrorReason::UnknownTaskType,
            "event.task_completed.task_type",
        ),
        (step("", 9), ErrorReason::OutOfRange, "event.task_completed.outcome"),
        (large, ErrorReason::TooLarge, "event"),
    ] {
        let status = h.refused(event).await;
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason_of(&status), Some(reason));
        let bad = status.get_details_bad_request().unwrap();
        assert_eq!(bad.field_violations[0].field, field);
    }
    let unknown = h.refused(task("email_clasification")).await;
    assert!(
        unknown.message().contains("did you mean email_classification?"),
        "{}",
        unknown.message()
    );
    let info = unknown.get_details_error_info().unwrap();
    assert_eq!(info.metadata.get("nearest").map(String::as_str), Some("email_classification"));

    let request = TrackRequest { event: Some(success("k")), ..Default::default() };
    h.ingest().track(request).await.unwrap();
    assert_eq!(h.entries(1).await, [1], "the good event is the first entry");
    let status = h.refused(step("k", Outcome::Failure.into())).await;
    assert_eq!(
        (status.code(), reason_of(&status)),
        (Code::AlreadyExists, Some(ErrorReason::IdempotencyConflict))
    );
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["fields"], "task_completed.outcome");
    assert_eq!(info.metadata["event_id"].parse::<kernel::EventId>().unwrap().0.seq, 1);
    assert!(status.message().contains("task_completed.outcome"), "{}", status.message());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_answers_per_item() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    // The last one stands against one of the same commit.
    let twin = Event { agent_id: "sales".into(), ..success("c") };
    let events = vec![success("a"), step("b", 0), success("a"), step("a", 3), success("c"), twin];
    let request = TrackBatchRequest { events, ..Default::default() };
    let results = h.ingest().track_batch(request).await.unwrap().into_inner().results;
    let answers: Vec<String> = results
        .into_iter()
        .map(|result| match result.result.unwrap() {
            Tracked::Receipt(receipt) if receipt.duplicate => "duplicate".to_owned(),
            Tracked::Receipt(_) => "new".to_owned(),
            Tracked::Refusal(Refusal { reason, violations, metadata, .. }) => {
                let fields = metadata.get("fields").map(String::as_str).unwrap_or_default();
                format!("{reason} {} {fields}", violations.len())
            }
        })
        .collect();
    assert_eq!(
        answers,
        [
            "new",
            "REQUIRED 1 ",
            "duplicate",
            "IDEMPOTENCY_CONFLICT 0 task_completed.outcome",
            "new",
            "IDEMPOTENCY_CONFLICT 0 agent_id"
        ]
    );
    assert_eq!(h.entries(2).await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_validated_event_is_valued_and_not_written() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let dry = TrackRequest { event: Some(success("k")), validate_only: true, ..Default::default() };
    let receipt = h.ingest().track(dry).await.unwrap().into_inner().receipt.unwrap();
    assert_eq!((receipt.event_id.as_str(), receipt.valuation.unwrap().credited_ms), ("", 240_000));
    let wet = TrackRequest { event: Some(success("k")), ..Default::default() };
    assert!(!h.ingest().track(wet).await.unwrap().into_inner().receipt.unwrap().duplicate);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_and_a_wrong_one_open_nothing() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let mut access = AccessServiceClient::new(h.server.channel_with_key(Some(&h.key)));
    let new = CreateApiKeyRequest { scopes: vec![Scope::Track.into()], ..Default::default() };
    let made = access.create_api_key(new).await.unwrap().into_inner();
    let track = |key: String| {
        let channel = h.server.channel_with_key(Some(&key));
        let request = TrackRequest { event: Some(success("")), ..Default::default() };
        async move { IngestServiceClient::new(channel).track(request).await }
    };
    track(made.secret.clone()).await.unwrap();
    let key_id = made.api_key.unwrap().key_id;
    let revoke = RevokeApiKeyRequest { key_id, ..Default::default() };
    access.revoke_api_key(revoke).await.unwrap();
    let status = track(made.secret.clone()).await.unwrap_err();
    assert_eq!(
        (status.code(), reason_of(&status)),
        (Code::Unauthenticated, Some(ErrorReason::RevokedCredentials))
    );
    let last = h.key.split('_').nth(2).unwrap().to_owned();
    let revoke = RevokeApiKeyRequest { key_id: last, workspace_id: h.workspace.to_string() };
    let status = access.revoke_api_key(revoke.clone()).await.unwrap_err();
    assert_eq!(
        (status.code(), reason_of(&status)),
        (Code::FailedPrecondition, Some(ErrorReason::LastAdminKey)),
        "nobody could come in any more"
    );
    let mut operator = AccessServiceClient::new(h.server.service_channel());
    operator.revoke_api_key(revoke).await.unwrap();
    let mut mistyped = made.secret;
    mistyped.pop();
    let status = track(mistyped).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::MalformedCredentials));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_from_another_ledger_is_refused() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let cursor = wire::common::v1::Position { partition: 5, seq: 1 };
    let request = TailRequest { consumer: "test".into(), cursors: vec![cursor] };
    let status =
        LedgerServiceClient::new(h.server.service_channel()).tail(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason_of(&status), Some(ErrorReason::CursorAhead));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_dropped_at_any_moment_loses_and_doubles_nothing_on_sqlite() {
    dropped_calls(testkit::sqlite::<Migrator>("ingest").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_dropped_at_any_moment_loses_and_doubles_nothing_on_postgres() {
    dropped_calls(testkit::postgres::<Migrator>("ingest").await).await;
}

/// T02: a third of the calls is dropped after some polls, then all are sent again.
async fn dropped_calls(db: TestDb) {
    const CALLS: usize = 600;
    let h = Harness::on(db).await;
    let (ingest, mut acked) = (h.ingest(), Vec::new());
    for n in 0..CALLS {
        let request = TrackRequest { event: Some(success(&format!("k{n}"))), ..Default::default() };
        let mut ingest = ingest.clone();
        let call = tokio::spawn(async move { ingest.track(request).await });
        if n % 3 == 0 {
            for _ in 0..n % 17 {
                tokio::task::yield_now().await;
            }
            call.abort();
        }
        if let Ok(Ok(answer)) = call.await {
            acked.push((n, answer.into_inner().receipt.unwrap().event_id));
        }
    }
    assert!(acked.len() >= CALLS * 2 / 3);
    let mut ids = std::collections::BTreeMap::new();
    for n in 0..CALLS {
        let request = TrackRequest { event: Some(success(&format!("k{n}"))), ..Default::default() };
        let receipt = ingest.clone().track(request).await.unwrap().into_inner().receipt.unwrap();
        ids.insert(n, receipt.event_id);
    }
    for (n, id) in acked {
        assert_eq!(ids[&n], id, "an acked event keeps its place");
    }
    let seqs = h.entries(CALLS).await;
    assert_eq!(seqs, (1..=CALLS as i64).collect::<Vec<_>>(), "each key once, without gaps");
}
