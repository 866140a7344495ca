//! WatchOverview: the overview again whenever it has changed, and for how long.

use std::time::Duration;

use crate::harness::{Harness, START, month, task, valued};
use chassis::Context;
use fault::{ErrorReason, reason_of};
use tonic::{Code, Request, Streaming};
use wire::common::v1::Outcome;
use wire::rollup::v1::{ReportQuery, WatchOverviewRequest, WatchOverviewResponse};

async fn harness() -> Harness {
    Harness::start(testkit::sqlite::<rollup::Migrator>("rollup").await).await
}

fn append(harness: &Harness, tickets: i64) {
    for n in 0..tickets {
        let step = valued("a", &format!("T-{n}"), task("ticket_routing", Outcome::Success), 2);
        harness.ledger.append([(START, step)]);
    }
}

async fn watched(harness: &Harness) -> Streaming<WatchOverviewResponse> {
    let query = Some(ReportQuery { at_least: harness.head(), ..month() });
    let request = WatchOverviewRequest { query, interval_ms: 100 };
    harness.reports().watch_overview(request).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<WatchOverviewResponse>) -> i64 {
    let message = tokio::time::timeout(Duration::from_secs(20), stream.message()).await;
    let overview = message.unwrap().unwrap().unwrap().overview.unwrap();
    overview.measures.unwrap().events
}

#[tokio::test]
async fn the_overview_comes_at_once_and_again_when_it_changes() {
    let harness = harness().await;
    append(&harness, 1);
    let mut stream = watched(&harness).await;
    assert_eq!(next(&mut stream).await, 1);
    append(&harness, 2);
    let mut last = 1;
    while last < 3 {
        let events = next(&mut stream).await;
        assert!(events > last, "the same is not sent again");
        last = events;
    }
}

#[tokio::test]
async fn many_changes_are_few_messages_and_the_newest_is_the_last() {
    let harness = harness().await;
    append(&harness, 1);
    let mut stream = watched(&harness).await;
    let since = std::time::Instant::now();
    let mut messages = 0;
    let mut last = 0;
    for _ in 0..20 {
        append(&harness, 5);
        harness.overview().await;
    }
    while last < 101 {
        last = next(&mut stream).await;
        messages += 1;
    }
    let allowed = since.elapsed().as_millis() / 100 + 2;
    assert!(messages <= allowed, "{messages} in {:?}", since.elapsed());
}

#[tokio::test]
async fn a_stream_ends_with_its_deadline_and_with_the_service() {
    let harness = harness().await;
    append(&harness, 1);
    let query = Some(month());
    let mut request = Request::new(WatchOverviewRequest { query, ..Default::default() });
    request.set_timeout(Duration::from_millis(400));
    let mut brief = harness.reports().watch_overview(request).await.unwrap().into_inner();
    let late = loop {
        match brief.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("ended without a status"),
            Err(status) => break status,
        }
    };
    assert_eq!(late.code(), Code::DeadlineExceeded);

    let mut stream = watched(&harness).await;
    next(&mut stream).await;
    let ctx: &Context = &harness.ctx;
    ctx.stop.cancel();
    let ended = stream.message().await.unwrap_err();
    assert_eq!(reason_of(&ended), Some(ErrorReason::ShuttingDown), "{ended}");
}

#[tokio::test]
async fn what_is_wrong_is_said_before_the_stream_begins() {
    let harness = harness().await;
    let request = WatchOverviewRequest { query: Some(month()), interval_ms: 99 };
    let refused = harness.reports().watch_overview(request).await.unwrap_err();
    assert_eq!(reason_of(&refused), Some(ErrorReason::OutOfRange));
}
