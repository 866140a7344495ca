//! The month of the seed document, to the cent, on every storage there is.

use std::collections::BTreeSet;

use redis::AsyncTypedCommands as _;
use testkit::RedisServer;
use tests::{Acks, Month, Report, Sent, Sink, Stage, Storage, Suite, send};

const BATCH: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_month_is_exact_on_sqlite() {
    let (suite, sink) = (Suite::on_sqlite().await, Sink::start().await);
    let stage = Stage::set(&suite.addresses).await;
    let secret = stage.subscribe_to_failures(sink.url("/hook")).await;
    let acks = Acks::new();

    let sent = send(&stage, Month::events(), BATCH, &acks).await.unwrap();
    assert_eq!((sent.new, sent.duplicates), (18_005, 0));
    let report = Report::read(&stage, &sent.position).await;
    is_the_seed_documents(&report);
    five_failures_were_told(&sink, &secret).await;

    resending_changes_nothing(&stage, &acks, &sent, &sink).await;
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_month_is_exact_on_postgres_and_outlives_its_redis() {
    let database = testkit::postgres::<ingest::Migrator>(ingest::NAME).await;
    let mut redis = RedisServer::start().await;
    let storage = Storage {
        database_url: Some(database.settings().url.clone()),
        redis_url: Some(redis.url()),
    };
    let (suite, sink) = (Suite::on(storage).await, Sink::start().await);
    let stage = Stage::set(&suite.addresses).await;
    let secret = stage.subscribe_to_failures(sink.url("/hook")).await;
    let acks = Acks::new();

    let mut first_half = Month::events();
    let second_half = first_half.split_off(9_000);
    let sent = send(&stage, first_half, BATCH, &acks).await.unwrap();
    assert_eq!(Report::read(&stage, &sent.position).await, Report::expected(3_000, 0));
    let keys = keys(&redis).await;
    let ours = format!("tally:{{{}}}:", stage.workspace);
    for report in ["overview", "savings"] {
        let kept = keys.iter().any(|key| key.starts_with(&format!("{ours}{report}:")));
        assert!(kept, "no {report} of {ours} in {keys:?}");
    }

    redis.kill();
    let sent = send(&stage, second_half, BATCH, &acks).await.unwrap();
    assert_eq!((sent.new, sent.duplicates), (9_005, 0));
    is_the_seed_documents(&Report::read(&stage, &sent.position).await);
    five_failures_were_told(&sink, &secret).await;

    resending_changes_nothing(&stage, &acks, &sent, &sink).await;
    suite.stop().await;
}

/// In its own words: 6,000 tickets, 18,000 events, 1,400 hours, EUR 119,000.
fn is_the_seed_documents(report: &Report) {
    const HOUR_MS: i64 = 3_600_000;
    const EURO: i64 = 1_000_000;
    let month = &report.month;
    assert_eq!((month.events, month.tickets), (18_000, 6_000));
    assert_eq!(month.saved_ms, 1_400 * HOUR_MS);
    assert_eq!(month.cost_saved, 119_000 * EURO);
    assert_eq!(month.agent_cost, 216 * EURO);
    assert_eq!(month.net_saved, 118_784 * EURO);
    let steps = report.by_task_type.iter();
    let steps: Vec<_> = steps
        .map(|(task_type, line)| {
            (task_type.as_str(), line.saved_ms / HOUR_MS, line.cost_saved / EURO)
        })
        .collect();
    let expected = [
        ("customer_email_draft", 800, 68_000),
        ("email_classification", 400, 34_000),
        ("ticket_routing", 200, 17_000),
    ];
    assert_eq!(steps, expected);
    assert_eq!(*report, Report::of_the_whole_month(), "and every other figure");
}

async fn five_failures_were_told(sink: &Sink, secret: &str) {
    let arrivals = sink.receives(5).await;
    let ids: BTreeSet<&str> = arrivals.iter().map(|arrival| arrival.header("webhook-id")).collect();
    assert_eq!((arrivals.len(), ids.len()), (5, 5), "each failure once");
    assert!(arrivals.iter().all(|arrival| arrival.is_signed_with(secret)));
}

async fn resending_changes_nothing(stage: &Stage, acks: &Acks, sent: &Sent, sink: &Sink) {
    let again = send(stage, Month::events(), BATCH, acks).await.unwrap();
    assert_eq!((again.new, again.duplicates), (0, 18_005));
    assert_eq!(again.position, sent.position, "the ledger did not grow");
    assert_eq!(Report::read(stage, &again.position).await, Report::of_the_whole_month());
    assert_eq!(sink.arrivals().len(), 5, "nobody is told twice");
}

/// Every key in the Redis.
async fn keys(redis: &RedisServer) -> Vec<String> {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut scan = connection.scan::<String>().await.unwrap();
    let mut keys = Vec::new();
    while let Some(key) = scan.next_item().await {
        keys.push(key.unwrap());
    }
    keys
}
