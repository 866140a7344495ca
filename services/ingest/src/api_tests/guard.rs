//! CheckCall through a real channel, with counters in memory and in Redis.

mod door;
mod redis;

use std::sync::Arc;

use chassis::Channel;
use fault::{ErrorReason, reason_of};
use kernel::Timestamp;
use prost::Message as _;
use sea_orm::ConnectionTrait as _;
use testkit::{FakeClock, Server, TestDb};
use tonic::Code;
use wire::catalog::v1 as catalog;
use wire::catalog::v1::change::Body as Fact;
use wire::ingest::v1::check_call_request::Call;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::guard_service_client::GuardServiceClient;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::{
    CallDenied, CallStatus, CheckCallRequest, CheckCallResponse, Event, GuardVerdict,
    GuardedToolCall, ListEventsRequest, ModelCall, Ticket, ToolCall, TrackRequest,
};

use super::{create_workspace, fields};
use crate::Migrator;
use crate::store::CatalogCopyStore;

/// An ingest whose catalog knows an intent, three models and a polling tool.
struct Guarded {
    server: Server,
    key: String,
    clock: Arc<FakeClock>,
    db: TestDb,
}

impl Guarded {
    async fn in_memory() -> Self {
        Self::with(None).await
    }

    async fn with(redis: Option<&str>) -> Self {
        let db = testkit::sqlite::<Migrator>("ingest").await;
        let changes = facts()
            .map(|body| catalog::Change { body: Some(body), ..Default::default() }.encode_to_vec());
        CatalogCopyStore(db.db.clone()).keep_built_ins(changes.to_vec()).await.unwrap();
        let clock = Arc::new(FakeClock::at("2026-06-01T12:00:00Z".parse::<Timestamp>().unwrap()));
        let server = serve(&db, &clock, redis).await;
        let (_, key) = create_workspace(&server).await;
        Self { server, key, clock, db }
    }

    fn guard(&self) -> GuardServiceClient<Channel> {
        GuardServiceClient::new(self.server.channel_with_key(Some(&self.key)))
    }

    fn ingest(&self) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.server.channel_with_key(Some(&self.key)))
    }

    async fn check(&self, request: CheckCallRequest) -> CheckCallResponse {
        self.guard().check_call(request).await.unwrap().into_inner()
    }

    /// Verdict, rule, seen, limit.
    async fn verdict(&self, request: CheckCallRequest) -> (GuardVerdict, String, i32, i32) {
        let answer = self.check(request).await;
        assert_eq!(answer.message.is_empty(), answer.rule.is_empty());
        (answer.verdict(), answer.rule, answer.seen, answer.limit)
    }

    /// Denials in the ledger, in its order.
    async fn denials(&self) -> Vec<(Event, CallDenied)> {
        let request = ListEventsRequest { kinds: vec!["call_denied".into()], ..Default::default() };
        let listed = self.ingest().list_events(request).await.unwrap().into_inner();
        let events = listed.events.into_iter().map(|event| event.record.unwrap().event.unwrap());
        let denied = events.map(|event| match event.body.clone() {
            Some(Body::CallDenied(denied)) => (event, *denied),
            other => panic!("{other:?} is no denial"),
        });
        denied.collect()
    }

    /// From here on nothing can be appended.
    async fn break_ledger(&self) {
        let dropped = self.db.db.write(|txn| {
            Box::pin(async move {
                txn.execute_unprepared("DROP TABLE event").await?;
                Ok::<_, db::Error>(())
            })
        });
        dropped.await.unwrap();
    }

    async fn ended(&self, arguments: &str, status: CallStatus) {
        let args_hash = crate::grpc::args_hash(arguments).unwrap().to_vec();
        let call = ToolCall {
            stage: "answer".into(),
            tool: "refund".into(),
            args_hash,
            status: status.into(),
            ..Default::default()
        };
        let event = Event {
            agent_id: "support".into(),
            ticket: Some(Box::new(Ticket { ticket_id: "T-1".into(), ..Default::default() })),
            body: Some(Body::ToolCall(call)),
            ..Default::default()
        };
        let request = TrackRequest { event: Some(event), ..Default::default() };
        self.ingest().track(request).await.unwrap();
    }
}

async fn serve(db: &TestDb, clock: &Arc<FakeClock>, redis: Option<&str>) -> Server {
    let settings: Vec<_> = redis.map(|url| ("TALLY_REDIS_URL", url)).into_iter().collect();
    super::serve(db, clock, &settings).await
}

fn facts() -> [Fact; 4] {
    use catalog::{ModelMatch, ModelTier, RiskLevel};
    let intent = catalog::Intent {
        intent: "order_status".into(),
        risk: RiskLevel::Low.into(),
        allowed_tiers: vec![ModelTier::Small.into(), ModelTier::Standard.into()],
        call_limits: Some(catalog::CallLimits {
            retries_max: Some(0),
            polling_tools: vec!["job_status".into()],
            ..Default::default()
        }),
        ..Default::default()
    };
    let price = |model: &str, model_match: ModelMatch, tier: ModelTier| {
        Fact::ModelPrice(catalog::ModelPrice {
            model: model.into(),
            model_match: model_match.into(),
            tier: tier.into(),
            ..Default::default()
        })
    };
    [
        Fact::Intent(intent),
        price("mini", ModelMatch::Exact, ModelTier::Small),
        price("(mini|maxi)-.*", ModelMatch::Regex, ModelTier::Large),
        price("(", ModelMatch::Regex, ModelTier::Large),
    ]
}

fn model(model: &str, attempt: i32) -> CheckCallRequest {
    CheckCallRequest {
        ticket_id: "T-1".into(),
        stage: "answer".into(),
        call: Some(Call::Model(ModelCall { model: model.into(), attempt, ..Default::default() })),
        ..Default::default()
    }
}

fn tool(tool: &str, arguments_json: &str) -> CheckCallRequest {
    let call = GuardedToolCall { tool: tool.into(), arguments_json: arguments_json.into() };
    CheckCallRequest { call: Some(Call::Tool(call)), ..model("", 0) }
}

fn on(intent: &str, request: CheckCallRequest) -> CheckCallRequest {
    CheckCallRequest { intent: intent.into(), ..request }
}

fn verdict(
    verdict: GuardVerdict,
    rule: &str,
    seen: i32,
    limit: i32,
) -> (GuardVerdict, String, i32, i32) {
    (verdict, rule.to_owned(), seen, limit)
}

use GuardVerdict::{Allow, Deny, Warn};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_are_counted_even_when_the_caller_always_says_the_first() {
    let h = Guarded::in_memory().await;
    for seen in 0..3 {
        assert_eq!(h.verdict(model("mini", 1)).await, verdict(Allow, "", seen, 3));
    }
    let denied = verdict(Deny, "retry-budget", 3, 3);
    assert_eq!(h.verdict(model("mini", 1)).await, denied);
    assert_eq!(h.verdict(model("maxi-1", 0)).await, denied, "a fallback is an attempt, too");
    let elsewhere = CheckCallRequest { stage: "classify".into(), ..model("mini", 1) };
    assert_eq!(h.verdict(elsewhere).await, verdict(Allow, "", 0, 3));
    let attempts: Vec<i32> = h.denials().await.iter().map(|(_, denied)| denied.attempt).collect();
    assert_eq!(attempts, [4, 5], "each call that was not made is one entry");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intent_sets_the_budget_and_the_tiers() {
    let h = Guarded::in_memory().await;
    assert_eq!(
        h.verdict(on("order_status", model("maxi-1", 1))).await,
        verdict(Deny, "tier-policy", 0, 0)
    );
    assert_eq!(h.verdict(on("order_status", model("mini", 1))).await, verdict(Allow, "", 0, 1));
    assert_eq!(
        h.verdict(on("order_status", model("mini", 2))).await,
        verdict(Deny, "retry-budget", 1, 1)
    );
    let stage = |request| CheckCallRequest { stage: "other".into(), ..request };
    assert_eq!(
        h.verdict(stage(model("new-model", 1))).await,
        verdict(Warn, "unmapped-model", 0, 3)
    );
    assert_eq!(
        h.verdict(stage(on("no_such", model("mini", 1)))).await,
        verdict(Warn, "unmapped-intent", 1, 3)
    );
    let denials = h.denials().await;
    let tiers: Vec<_> =
        denials.iter().map(|(_, d)| (d.model_tier.as_str(), d.rule.as_str())).collect();
    assert_eq!(tiers, [("large", "tier-policy"), ("small", "retry-budget")]);
    assert_eq!(denials[0].1.allowed_tiers, ["small", "standard"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_is_an_entry_that_says_what_was_saved_and_stands_once() {
    let h = Guarded::in_memory().await;
    let request = CheckCallRequest { agent_id: "support".into(), ..model("mini", 9) };
    for _ in 0..3 {
        assert_eq!(h.verdict(on("billing", request.clone())).await.0, Deny);
    }
    let denials = h.denials().await;
    let [(event, denied)] = denials.as_slice() else { panic!("{denials:?}") };
    assert_eq!(event.agent_id, "support");
    let ticket = event.ticket.as_ref().unwrap();
    assert_eq!((ticket.ticket_id.as_str(), ticket.intent.as_str()), ("T-1", "billing"));
    let expected = CallDenied {
        rule: "retry-budget".into(),
        stage: "answer".into(),
        model: "mini".into(),
        attempt: 9,
        seen: 8,
        limit: 3,
        model_tier: "small".into(),
        ..Default::default()
    };
    assert_eq!(denied, &expected);
    h.check(model("mini", 9)).await;
    assert_eq!(h.denials().await[1].0.agent_id, "guard", "where nobody says who asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_call_of_a_tool_is_denied_however_its_arguments_are_written() {
    let h = Guarded::in_memory().await;
    let allowed = verdict(Allow, "", 0, 1);
    assert_eq!(h.verdict(tool("refund", r#"{"order":7,"eur":1.50}"#)).await, allowed);
    assert_eq!(h.verdict(tool("refund", r#"{"order":8,"eur":1.50}"#)).await, allowed);
    assert_eq!(h.verdict(tool("lookup", r#"{"order":7,"eur":1.50}"#)).await, allowed);
    let denied = verdict(Deny, "identical-tool-call", 1, 1);
    assert_eq!(h.verdict(tool("refund", r#" {"eur": 15e-1, "order": 7} "#)).await, denied);
    assert_eq!(h.verdict(tool("refund", r#"{"order":7,"eur":1.5}"#)).await, denied);
    let other =
        CheckCallRequest { ticket_id: "T-2".into(), ..tool("refund", r#"{"order":7,"eur":1.5}"#) };
    assert_eq!(h.verdict(other).await, allowed);
    let denials = h.denials().await;
    let seen: Vec<_> =
        denials.iter().map(|(_, d)| (d.tool.as_str(), d.attempt, d.args_hash.len())).collect();
    assert_eq!(seen, [("refund", 2, 32), ("refund", 3, 32)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polling_tool_may_be_called_for_ever() {
    let h = Guarded::in_memory().await;
    for _ in 0..5 {
        assert_eq!(
            h.verdict(on("order_status", tool("job_status", ""))).await,
            verdict(Allow, "", 0, 0)
        );
    }
    assert_eq!(h.verdict(tool("job_status", "")).await.0, Allow);
    assert_eq!(h.verdict(tool("job_status", "{}")).await.0, Deny, "not for another intent");
}

/// Asks until the guard has heard of a result; answers how many denials that took.
async fn until_allowed(h: &Guarded, request: CheckCallRequest) {
    let asked = async { while h.check(request.clone()).await.verdict() != Allow {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), asked).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_may_pass_may_be_made_once_more() {
    let h = Guarded::in_memory().await;
    let request = tool("refund", r#"{"order":7}"#);
    assert_eq!(h.verdict(request.clone()).await, verdict(Allow, "", 0, 1));
    assert_eq!(h.verdict(request.clone()).await, verdict(Deny, "identical-tool-call", 1, 1));
    h.ended(r#"{ "order": 7 }"#, CallStatus::RetryableError).await;
    until_allowed(&h, request.clone()).await;
    assert_eq!(h.verdict(request.clone()).await, verdict(Deny, "identical-tool-call", 2, 2));
    // Denied is no result: the one before it still holds.
    h.ended(r#"{ "order": 7 }"#, CallStatus::Denied).await;
    assert_eq!(h.verdict(request).await, verdict(Deny, "identical-tool-call", 2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_identical_calls_at_once_exactly_one_is_allowed() {
    at_once(&Guarded::in_memory().await, None).await;
}

/// Twenty callers at once, half of them at another replica if there is one.
async fn at_once(h: &Guarded, other: Option<&Server>) {
    let channel = |n: usize| match other {
        Some(other) if n % 2 == 1 => other.channel_with_key(Some(&h.key)),
        _ => h.server.channel_with_key(Some(&h.key)),
    };
    let before = h.denials().await.len();
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..20 {
        let mut guard = GuardServiceClient::new(channel(n));
        callers.spawn(async move {
            let answer = guard.check_call(tool("refund", "{}")).await.unwrap().into_inner();
            assert!(!answer.failed_open);
            answer.verdict()
        });
    }
    let verdicts = callers.join_all().await;
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Allow).count(), 1);
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Deny).count(), 19);
    assert_eq!(h.denials().await.len(), before + 19, "each denied call is an entry of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_wrong_with_a_question_is_said_at_once() {
    let h = Guarded::in_memory().await;
    let long = "x".repeat(256);
    let mut request =
        CheckCallRequest { intent: "a\nb".into(), agent_id: long.clone(), ..Default::default() };
    let mut expect = vec!["ticket_id", "stage", "intent", "agent_id"];
    for (call, more) in [
        (None, vec!["call"]),
        (
            Some(Call::Model(ModelCall {
                attempt: -1,
                provider: long.clone(),
                ..Default::default()
            })),
            vec!["model.model", "model.provider", "model.attempt"],
        ),
        (
            Some(Call::Tool(GuardedToolCall { arguments_json: "{".into(), ..Default::default() })),
            vec!["tool.tool", "tool.arguments_json"],
        ),
    ] {
        request.call = call;
        expect.truncate(4);
        expect.extend(more);
        let status = h.guard().check_call(request.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(fields(&status), expect);
    }
    let large = format!("\"{}\"", "x".repeat(32 * 1024));
    for (arguments, reason) in
        [(large.as_str(), ErrorReason::TooLarge), ("{\"a\":}", ErrorReason::InvalidField)]
    {
        let status = h.guard().check_call(tool("refund", arguments)).await.unwrap_err();
        assert_eq!(
            (fields(&status), reason_of(&status)),
            (vec!["tool.arguments_json".into()], Some(reason))
        );
    }
    assert_eq!(h.denials().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_that_cannot_be_recorded_is_a_denial_all_the_same() {
    let h = Guarded::in_memory().await;
    assert_eq!(h.verdict(model("mini", 1)).await.0, Allow);
    h.break_ledger().await;
    let answer = h.check(model("mini", 4)).await;
    assert_eq!((answer.verdict(), answer.rule.as_str()), (Deny, "retry-budget"));
}
