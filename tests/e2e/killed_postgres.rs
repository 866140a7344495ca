//! `kill -9` of PostgreSQL in the middle of a load (RELIABILITY T03): the services stay up, resume by
//! themselves, and what was acknowledged stands, once.

use std::collections::BTreeSet;

use testkit::PostgresServer;
use tests::{Acks, Month, Report, Stage, Storage, Suite, kills, send, written};
use tonic::{Code, Status};
use wire::ingest::v1::Event;

/// Kills of a run, unless TALLY_TEST_KILLS says how many.
const KILLS: usize = 5;
/// From the moment PostgreSQL answers again to the end of a round of the load.
const RESUMED_SECONDS: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn postgres_killed_during_the_load_costs_nothing_that_was_acknowledged() {
    let mut postgres = PostgresServer::start().await;
    let storage = Storage { database_url: Some(postgres.url()), redis_url: None };
    let suite = Suite::on(storage).await;
    let stage = Stage::set(&suite.addresses).await;
    let acks = Acks::new();
    let month = Month::steps();
    let each = month.len() / kills(KILLS);
    let mut sent = 0;
    for (round, events) in month.chunks(each).enumerate() {
        let before = acks.count();
        let load = tokio::spawn(insist(stage.clone(), events.to_vec(), each / 36, acks.clone()));
        acks.reach(before + each * (1 + round % 8) / 10).await;
        postgres.kill();
        postgres.restart().await;
        let up = std::time::Instant::now();
        load.await.unwrap();
        let took = up.elapsed();
        assert!(took.as_secs() < RESUMED_SECONDS, "round {round}: {took:?} after it was back");
        sent += events.len();
        assert_eq!(acks.count(), sent);
    }
    // Acks panic when a key stands at two places; here nothing stands that was not sent, or twice.
    let written = written(&stage).await;
    let keys: BTreeSet<&str> = month.iter().map(|e| e.idempotency_key.as_str()).collect();
    assert_eq!(written.keys().map(String::as_str).collect::<BTreeSet<_>>(), keys);
    assert!(written.values().all(|seqs| seqs.len() == 1), "each key once");
    let last = send(&stage, month.clone(), 500, &acks).await.unwrap();
    let tickets = i64::try_from(month.len() / 3).unwrap();
    assert_eq!(Report::read(&stage, &last.position).await, Report::expected(tickets, 0));
    suite.stop().await;
}

/// Sends until everything is acknowledged, as the contract tells callers to: again, with the same keys.
async fn insist(stage: Stage, events: Vec<Event>, batch: usize, acks: Acks) {
    loop {
        match send(&stage, events.clone(), batch.max(1), &acks).await {
            Ok(_) => return,
            Err(status) => assert!(may_be_sent_again(&status), "{status:?}"),
        }
    }
}

fn may_be_sent_again(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded)
}
