//! The spans of a delivery, as a collector gets them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use chassis::trace::{self, Kind};
use support::{Harness, Reply, Sink, database};
use wire::webhook::v1::CreateEndpointRequest;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_is_part_of_its_batch_and_linked_to_the_call_that_tracked() {
    let otlp = testkit::Otlp::start("webhook-dispatch").await;
    let db = database().await;
    let (app, sink) = (Harness::start(&db).await, Sink::start().await);
    let url = format!("{}/s3cret?token=s3cret", sink.url());
    let created = app
        .create(CreateEndpointRequest { url, include_traceparent: true, ..Default::default() })
        .await;
    let track = trace::span("track").kind(Kind::Server).root().start();
    sink.next(Reply::Status(503));
    app.consumed(app.fail_in(track.context().unwrap())).await;
    app.clock.advance(Duration::from_secs(6));
    assert_eq!(app.work().await, 1);
    drop(track);

    let track = otlp.span("track", Kind::Server).await;
    let process = otlp.span("process ledger", Kind::Consumer).await;
    let posts = otlp.named("POST").await;
    assert_eq!(posts.len(), 2);
    assert!(posts[0].is_child_of(&process) && posts[0].links_to(&track));
    assert!(
        posts[1].is_child_of(&posts[0]) && posts[1].links_to(&track),
        "a retry follows the first"
    );
    assert!(posts[0].failed && !posts[1].failed);
    assert_eq!(posts[0].attr("http.response.status_code"), "503");
    assert_eq!(posts[0].attr("error.type"), "503");
    assert_eq!(posts[0].attr("url.full"), format!("http://{}", sink.addr));
    assert_eq!(posts[0].attr("http.request.resend_count"), "");
    assert_eq!(posts[1].attr("http.request.resend_count"), "1");
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let sent = sink.arrivals()[0].header("traceparent").to_owned();
    assert_eq!(sent, format!("00-{}-{}-01", hex(&posts[0].trace_id), hex(&posts[0].span_id)));
    for secret in ["s3cret", created.secret.as_str()] {
        assert!(!otlp.exported(secret).await, "{secret}");
    }
    assert!(otlp.metrics().await.iter().any(|name| name == "app.delivery.attempts"));
}
