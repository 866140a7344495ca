//! One event, from the caller's Track to the subscriber's HTTP request: every span of it, every edge,
//! and nothing in them that is nobody's business.

use std::collections::BTreeSet;

use chassis::attr;
use chassis::telemetry::Settings;
use chassis::trace::Kind;
use kernel::hex;
use testkit::Otlp;
use testkit::otlp::Span;
use tests::{Month, SERVICE_TOKEN, Sink, Stage, Suite, eventually};
use tonic::Request;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::{Event, TrackRequest};

/// A span of the story: what it is called, its kind, and whose it is where several consumers have one.
type Node = (&'static str, Kind, Option<&'static str>);

const TRACK: &str = "tally.ingest.v1.IngestService/Track";
const CALL: Node = (TRACK, Kind::Client, None);
const APPEND: Node = (TRACK, Kind::Server, None);
const COMMIT: Node = (attr::SPAN_SEND, Kind::Client, None);
const INSERT: Node = ("INSERT event", Kind::Client, None);
const ATTEMPT: Node = ("POST", Kind::Client, None);

const fn receive(consumer: &'static str) -> Node {
    (attr::SPAN_RECEIVE, Kind::Client, Some(consumer))
}

const fn process(consumer: &'static str) -> Node {
    (attr::SPAN_PROCESS, Kind::Consumer, Some(consumer))
}

/// How one span hangs on another.
#[derive(Debug, Clone, Copy)]
enum Edge {
    ChildOf,
    LinkedTo,
}
use Edge::{ChildOf, LinkedTo};

/// The whole story. A span that is nobody's child here is the root of a trace of its own.
const EDGES: &[(Node, Edge, Node)] = &[
    (APPEND, ChildOf, CALL),
    (APPEND, LinkedTo, COMMIT),
    (COMMIT, LinkedTo, APPEND),
    (INSERT, ChildOf, COMMIT),
    (receive("rollup"), LinkedTo, APPEND),
    (process("rollup"), ChildOf, receive("rollup")),
    (process("rollup"), LinkedTo, APPEND),
    (receive("audit-sampling"), LinkedTo, APPEND),
    (process("audit-sampling"), ChildOf, receive("audit-sampling")),
    (process("audit-sampling"), LinkedTo, APPEND),
    (receive("webhook-dispatch"), LinkedTo, APPEND),
    (process("webhook-dispatch"), ChildOf, receive("webhook-dispatch")),
    (process("webhook-dispatch"), LinkedTo, APPEND),
    (ATTEMPT, ChildOf, process("webhook-dispatch")),
    (ATTEMPT, LinkedTo, APPEND),
];

/// What only the caller, the subscriber and the ledger may know.
const CUSTOMER: &str = "canary-customer-0001";
const METADATA: &str = "canary-metadata-0002";
const HEADER: &str = "canary-header-0003";
const COOKIE: &str = "canary-cookie-0004";
const PATH: &str = "canary-path-0005";
const QUERY: &str = "canary-query-0006";

#[tokio::test(flavor = "multi_thread")]
async fn the_way_of_an_event_is_in_its_spans_and_no_secret_is() {
    // Every log line too: nothing may be in those either.
    let otlp =
        Otlp::start_with("tally", |settings| Settings { log: "trace".to_owned(), ..settings });
    let otlp = otlp.await;
    let (suite, sink) = (Suite::on_sqlite().await, Sink::start().await);
    let stage = Stage::set(&suite.addresses).await;
    let url = sink.url(&format!("/{PATH}?token={QUERY}"));
    let secret = stage.subscribe_to_failures(url).await;

    track(&stage).await;
    let arrivals = sink.receives(1).await;
    let spans = spans_of_the_story(&otlp).await;

    for (from, edge, to) in EDGES {
        let (one, other) = (the(&spans, from), the(&spans, to));
        let holds = match edge {
            ChildOf => one.is_child_of(other),
            LinkedTo => one.links_to(other),
        };
        assert!(holds, "{from:?} {edge:?} {to:?}\n{one:#?}\n{other:#?}");
    }
    for node in nodes() {
        let is_child = EDGES.iter().any(|(from, e, _)| *from == node && matches!(e, ChildOf));
        assert_eq!(the(&spans, &node).is_root(), !is_child, "{node:?}");
        assert!(!the(&spans, &node).failed, "{node:?}");
    }
    let attempt = the(&spans, &ATTEMPT);
    let sent = arrivals[0].header("traceparent");
    assert_eq!(sent, format!("00-{}-{}-01", hex(&attempt.trace_id), hex(&attempt.span_id)));

    // Calls that were open are closed by now: every parent there is has been exported.
    suite.stop().await;
    let spans = otlp.spans().await;
    nobody_is_an_orphan(&spans);
    only_known_attributes(&spans);
    let secrets = [stage.key.as_str(), secret.as_str(), SERVICE_TOKEN];
    for canary in [CUSTOMER, METADATA, HEADER, COOKIE, PATH, QUERY].into_iter().chain(secrets) {
        assert!(!otlp.exported(canary).await, "{canary} was exported");
    }
    assert!(otlp.exported(TRACK).await, "the search finds what is there");
}

/// One failure, with everything a caller can say.
async fn track(stage: &Stage) {
    let mut event = Month::failures().remove(0);
    event.metadata.insert("note".to_owned(), METADATA.to_owned());
    event.ticket.get_or_insert_default().customer_key = CUSTOMER.to_owned();
    let mut request = Request::new(TrackRequest {
        event: Some(Event { idempotency_key: "canary".to_owned(), ..event }),
        catalog_at_least: stage.catalog_version.clone(),
        validate_only: false,
    });
    request.metadata_mut().insert("x-canary", HEADER.parse().unwrap());
    request.metadata_mut().insert("cookie", COOKIE.parse().unwrap());
    let mut ingest = IngestServiceClient::new(stage.channel(&stage.addresses.ingest()));
    ingest.track(request).await.unwrap();
}

/// All spans, once every node of the story has ended.
async fn spans_of_the_story(otlp: &Otlp) -> Vec<Span> {
    eventually("complete story in spans", async || {
        let spans = otlp.spans().await;
        nodes().all(|node| spans.iter().any(|span| is(span, &node))).then_some(spans)
    })
    .await
}

fn nodes() -> impl Iterator<Item = Node> {
    let all = EDGES.iter().flat_map(|(from, _, to)| [from, to]);
    let mut seen = Vec::new();
    all.filter(move |node| {
        let new = !seen.contains(*node);
        seen.push((*node).clone());
        new
    })
    .cloned()
}

/// The only span of the story that is this node: one event makes one of each.
fn the<'s>(spans: &'s [Span], node: &Node) -> &'s Span {
    let found: Vec<&Span> = spans.iter().filter(|span| is(span, node)).collect();
    assert_eq!(found.len(), 1, "{node:?} in {spans:#?}");
    found[0]
}

fn is(span: &Span, (name, kind, consumer): &Node) -> bool {
    let whose = span.attr(attr::MESSAGING_CONSUMER_GROUP_NAME);
    span.is(name, kind) && consumer.is_none_or(|consumer| consumer == whose)
}

fn nobody_is_an_orphan(spans: &[Span]) {
    for span in spans.iter().filter(|span| !span.is_root()) {
        let parent = spans.iter().find(|parent| span.is_child_of(parent));
        assert!(parent.is_some(), "the parent of {span:#?} was never exported");
    }
}

/// The names in chassis::attr are all there are.
fn only_known_attributes(spans: &[Span]) {
    let source = include_str!("../../libs/chassis/src/attr.rs");
    let constants = source.lines().filter(|line| line.starts_with("pub const "));
    let known: BTreeSet<&str> = constants.filter_map(|line| line.split('"').nth(1)).collect();
    let used: BTreeSet<&str> =
        spans.iter().flat_map(|span| span.attributes.keys()).map(String::as_str).collect();
    assert!(known.contains(attr::RPC_METHOD) && used.contains(attr::RPC_METHOD));
    let strange: Vec<_> = used.difference(&known).collect();
    assert!(strange.is_empty(), "{strange:?} are not in chassis::attr");
}
