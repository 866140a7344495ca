//! The spans of calls: their edges, their ends, and what must never be in them.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "the duration of a span is what it tests")]

mod probe;

use std::time::Duration;

use chassis::attr;
use chassis::telemetry::Sampling;
use chassis::trace::{self, Kind};
use kernel::TraceContext;
use probe::{Probe, ask, context, guard, ledger, tail};
use testkit::Otlp;
use tonic::Request;

const CHECK: &str = "tally.ingest.v1.GuardService/CheckCall";
const TAIL: &str = "tally.ingest.v1.LedgerService/Tail";
const HEADS: &str = "tally.ingest.v1.LedgerService/GetHeads";

#[tokio::test(flavor = "multi_thread")]
async fn a_call_through_two_services_is_one_trace_with_exact_edges() {
    let otlp = Otlp::start("probe").await;
    let ctx = context(|_| {});
    let behind = testkit::serve(Probe::new().service(), &ctx).await;
    let front = testkit::serve(Probe::relaying_to(behind.service_channel()).service(), &ctx).await;

    guard(&front).check_call(ask("relay")).await.unwrap();

    let client = otlp.span(CHECK, Kind::Client).await;
    let server = otlp.span(CHECK, Kind::Server).await;
    let inner_client = otlp.span(HEADS, Kind::Client).await;
    let inner_server = otlp.span(HEADS, Kind::Server).await;
    assert!(client.is_root());
    assert!(server.is_child_of(&client));
    assert!(inner_client.is_child_of(&server));
    assert!(inner_server.is_child_of(&inner_client));
    assert_eq!(otlp.spans().await.len(), 4, "nothing else makes spans");
    for span in otlp.spans().await {
        assert!(!span.failed);
        assert_eq!(span.attr(attr::RPC_SYSTEM_NAME), "grpc");
        assert_eq!(span.attr(attr::RPC_METHOD), span.name);
        assert_eq!(span.attr(attr::RPC_STATUS_CODE), "OK");
        let allowed = [
            attr::RPC_SYSTEM_NAME,
            attr::RPC_METHOD,
            attr::RPC_STATUS_CODE,
            attr::SERVER_ADDRESS,
            attr::SERVER_PORT,
        ];
        let strange: Vec<_> =
            span.attributes.keys().filter(|key| !allowed.contains(&key.as_str())).collect();
        assert!(strange.is_empty(), "{strange:?}");
    }
    assert_eq!(
        otlp.metrics().await,
        [attr::RPC_CLIENT_CALL_DURATION, attr::RPC_SERVER_CALL_DURATION]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_value_is_in_any_exported_byte() {
    let otlp = Otlp::start_with("probe", |mut settings| {
        settings.log = "trace".to_owned();
        settings
    })
    .await;
    let ctx = context(|_| {});
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    server.keys.insert("canary-key-4711", chassis::auth::Principal::service(None));
    let mut guard = wire::ingest::v1::guard_service_client::GuardServiceClient::new(
        server.channel_with_key(Some("canary-key-4711")),
    );
    for what in ["echo", "refuse", "break", "panic"] {
        let mut request = Request::new(ask(what));
        request.metadata_mut().insert("x-canary", "canary-header-4712".parse().unwrap());
        request.metadata_mut().insert("cookie", "canary-cookie-4713".parse().unwrap());
        let _ = guard.check_call(request).await;
    }
    let _ = ledger(&server).tail(tail("three")).await;

    assert!(otlp.exported("GuardService/CheckCall").await, "the search finds what is there");
    assert!(otlp.exported("call failed").await, "logs are exported too");
    for canary in [
        "canary-key-4711",
        "canary-header-4712",
        "canary-cookie-4713",
        testkit::server::SERVICE_TOKEN,
    ] {
        assert!(!otlp.exported(canary).await, "{canary} was exported");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_lasts_as_long_as_its_stream() {
    let otlp = Otlp::start("probe").await;
    let probe = Probe::new();
    let ctx = context(|_| {});
    let server = testkit::serve(probe.service(), &ctx).await;
    let mut stream = ledger(&server).tail(tail("wait")).await.unwrap().into_inner();
    for _ in 0..3 {
        stream.message().await.unwrap().unwrap();
    }
    assert!(otlp.named(TAIL).await.is_empty(), "it has not ended yet");
    let held = Duration::from_millis(150);
    tokio::time::sleep(held).await;
    probe.release.add_permits(1);
    while stream.message().await.unwrap().is_some() {}

    for kind in [Kind::Server, Kind::Client] {
        let span = otlp.span(TAIL, kind.clone()).await;
        assert!(span.duration() >= held, "{kind:?}: {:?}", span.duration());
        assert_eq!(span.attr(attr::RPC_STATUS_CODE), "OK");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_middle_of_a_stream_is_the_status_of_its_span() {
    let otlp = Otlp::start("probe").await;
    let ctx = context(|_| {});
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    let mut stream = ledger(&server).tail(tail("break")).await.unwrap().into_inner();
    while let Ok(Some(_)) = stream.message().await {}

    for kind in [Kind::Server, Kind::Client] {
        let span = otlp.span(TAIL, kind).await;
        assert!(span.failed);
        assert_eq!(span.attr(attr::RPC_STATUS_CODE), "INTERNAL");
        assert_eq!(span.attr(attr::ERROR_TYPE), "INTERNAL");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_the_caller_drops_is_cancelled() {
    let otlp = Otlp::start("probe").await;
    let ctx = context(|_| {});
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    let mut stream = ledger(&server).tail(tail("for ever")).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    drop(stream);
    while otlp.named(TAIL).await.len() < 2 {}
    let span = otlp.span(TAIL, Kind::Server).await;
    assert_eq!(span.attr(attr::RPC_STATUS_CODE), "CANCELLED");
    assert!(!span.failed, "the server did nothing wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_caller_is_an_error_of_the_client_and_not_of_the_server() {
    let otlp = Otlp::start("probe").await;
    let ctx = context(|_| {});
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    guard(&server).check_call(ask("refuse")).await.unwrap_err();
    let (server, client) =
        (otlp.span(CHECK, Kind::Server).await, otlp.span(CHECK, Kind::Client).await);
    assert_eq!(server.attr(attr::RPC_STATUS_CODE), "NOT_FOUND");
    assert!(!server.failed);
    assert!(client.failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_a_root_linked_both_ways_and_to_no_more_than_it_keeps() {
    let otlp = Otlp::start("probe").await;
    let calls: Vec<_> = (0..70).map(|_| trace::span("call").kind(Kind::Server).start()).collect();
    let contexts = calls.iter().map(|call| call.context().unwrap());
    let commit = trace::span(attr::SPAN_SEND).kind(Kind::Client).root().links(contexts).start();
    calls[0].link(commit.context());
    calls[0].scope(async { assert_eq!(trace::current(), calls[0].context()) }).await;
    drop(commit.child("INSERT ledger").kind(Kind::Client).start());
    let first = calls[0].context().unwrap();
    drop((calls, commit));

    let commit = otlp.span(attr::SPAN_SEND, Kind::Client).await;
    assert!(commit.is_root());
    assert_eq!(commit.links.len(), 64);
    assert_eq!(commit.attr(attr::LINKS_DROPPED), "6");
    assert!(otlp.span("INSERT ledger", Kind::Client).await.is_child_of(&commit));
    let calls = otlp.named("call").await;
    let call = calls.iter().find(|call| call.span_id == first.span_id).unwrap();
    assert!(call.links_to(&commit) && commit.links_to(call));
}

#[tokio::test(flavor = "multi_thread")]
async fn unsampled_callers_make_no_spans_and_their_context_still_passes_through() {
    let otlp = Otlp::start_with("probe", |mut settings| {
        settings.sampling = Sampling { ratio: 0.0, parent_based: true };
        settings
    })
    .await;
    let ctx = context(|_| {});
    let behind = testkit::serve(Probe::new().service(), &ctx).await;
    let front = testkit::serve(Probe::relaying_to(behind.service_channel()).service(), &ctx).await;
    guard(&front).check_call(ask("relay")).await.unwrap();
    assert!(otlp.spans().await.is_empty());

    // One kept call keeps the commit that carries it.
    let kept = TraceContext { trace_id: [9; 16], span_id: [9; 8], flags: 1 };
    drop(trace::span(attr::SPAN_SEND).kind(Kind::Client).root().link(kept).start());
    assert_eq!(otlp.named(attr::SPAN_SEND).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_exporter_the_callers_context_still_passes_through() {
    let caller = TraceContext { trace_id: [7; 16], span_id: [8; 8], flags: 1 };
    let span = trace::span("anything").parent(caller).start();
    assert_eq!(span.context(), Some(caller));
    span.scope(async { assert_eq!(trace::current(), Some(caller)) }).await;
    assert_eq!(trace::span("a root").root().start().context(), None);
}
