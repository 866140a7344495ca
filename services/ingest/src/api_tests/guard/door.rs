//! Who may ask the guard, whose counters are whose, and what its denials cost a workspace.

use wire::common::v1::Scope;
use wire::ingest::v1::access_service_client::AccessServiceClient;
use wire::ingest::v1::{CreateApiKeyRequest, UpdateWorkspaceRequest};

use super::*;

impl Guarded {
    async fn key_with(&self, scope: Scope) -> String {
        let mut access = AccessServiceClient::new(self.server.channel_with_key(Some(&self.key)));
        let request = CreateApiKeyRequest { scopes: vec![scope.into()], ..Default::default() };
        access.create_api_key(request).await.unwrap().into_inner().secret
    }

    async fn refused(&self, key: Option<&str>) -> (Code, Option<ErrorReason>) {
        let mut guard = GuardServiceClient::new(self.server.channel_with_key(key));
        let status = guard.check_call(model("mini", 9)).await.unwrap_err();
        (status.code(), reason_of(&status))
    }

    /// An event of the caller's own.
    async fn track(&self, body: Body) -> Result<(), tonic::Status> {
        let (agent_id, body) = ("support".into(), Some(body));
        let event = Event { agent_id, body, ..Default::default() };
        let request = TrackRequest { event: Some(event), ..Default::default() };
        self.ingest().track(request).await.map(drop)
    }

    async fn limit(&self, request: UpdateWorkspaceRequest) {
        let mut access = AccessServiceClient::new(self.server.channel_with_key(Some(&self.key)));
        access.update_workspace(request).await.unwrap();
        // Settings are believed for a second.
        self.clock.advance(std::time::Duration::from_secs(1));
    }
}

fn cost() -> Body {
    Body::CostRecorded(wire::ingest::v1::CostRecorded {
        kind: "other".into(),
        amount: Some(wire::common::v1::Money { currency_code: "EUR".into(), micros: 1 }),
        ..Default::default()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_key_that_may_track_may_ask_and_who_may_not_leaves_no_trace() {
    let h = Guarded::in_memory().await;
    assert_eq!(h.refused(None).await.0, Code::Unauthenticated);
    let report = h.key_with(Scope::Report).await;
    assert_eq!(h.refused(Some(&report)).await.0, Code::PermissionDenied);
    let track = h.key_with(Scope::Track).await;
    let mut guard = GuardServiceClient::new(h.server.channel_with_key(Some(&track)));
    let answer = guard.check_call(model("mini", 1)).await.unwrap().into_inner();
    assert_eq!((answer.verdict(), answer.seen), (Allow, 0), "nothing was counted before");
    assert_eq!(h.denials().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_workspace_s_ticket_of_the_same_name_is_another_ticket() {
    let h = Guarded::in_memory().await;
    let (_, key) = create_workspace(&h.server).await;
    let mut stranger = GuardServiceClient::new(h.server.channel_with_key(Some(&key)));
    for request in [tool("refund", "{}"), tool("refund", "{}")] {
        h.check(request).await;
    }
    let answer = stranger.check_call(tool("refund", "{}")).await.unwrap().into_inner();
    assert_eq!((answer.verdict(), answer.seen), (Allow, 0));
    let mut theirs = IngestServiceClient::new(h.server.channel_with_key(Some(&key)));
    let listed = theirs.list_events(ListEventsRequest::default()).await.unwrap().into_inner();
    assert!(listed.events.is_empty(), "a denial stands where it was asked");
    assert_eq!(h.denials().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn denials_are_recorded_past_every_limit_and_use_nothing_of_it() {
    let h = Guarded::in_memory().await;
    h.limit(UpdateWorkspaceRequest {
        rate_limit_per_second: Some(1),
        rate_burst: Some(2),
        monthly_quota_hard: Some(2),
        ..Default::default()
    })
    .await;
    for attempt in 4..14 {
        assert_eq!(h.verdict(model("mini", attempt)).await.0, Deny);
    }
    assert_eq!(h.denials().await.len(), 10);
    // Counted behind the ledger, it is the same.
    for _ in 0..5 {
        h.clock.advance(std::time::Duration::from_millis(500));
        assert_eq!(h.verdict(model("mini", 14)).await.0, Deny);
    }
    for _ in 0..2 {
        h.track(cost()).await.unwrap();
    }
    h.clock.advance(std::time::Duration::from_secs(5));
    let status = h.track(cost()).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::QuotaExceeded));
    assert_eq!(h.verdict(model("mini", 15)).await.0, Deny);
    assert_eq!(h.denials().await.len(), 12, "recorded when nothing else is let in");

    // What a caller denies by itself uses no quota either, but does not come faster than the rate.
    let own = || {
        let (rule, model) = ("budget".into(), "mini".into());
        Body::CallDenied(Box::new(CallDenied { rule, model, ..Default::default() }))
    };
    h.clock.advance(std::time::Duration::from_secs(5));
    for _ in 0..2 {
        h.track(own()).await.unwrap();
    }
    let status = h.track(own()).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::RateLimited));
    let bad = Body::TaskCompleted(Box::default());
    assert_eq!(h.track(bad).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_that_somebody_tracks_is_checked_like_any_event() {
    let h = Guarded::in_memory().await;
    let denied = CallDenied {
        args_hash: vec![0; 65],
        attempt: -1,
        allowed_tiers: vec!["small".into(); 33],
        ..Default::default()
    };
    let status = h.track(Body::CallDenied(denied.into())).await.unwrap_err();
    let expected = ["rule", "model", "args_hash", "attempt", "allowed_tiers"];
    assert_eq!(fields(&status), expected.map(|field| format!("event.call_denied.{field}")));
}
