//! What consuming costs. A measurement: it means something in a release build only.

use std::time::Duration;

use testkit::TestDb;

use crate::harness::Harness;
use crate::reports::seed_month;

/// CPU time of this process so far, to the kernel's hundredth of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: u64 =
        fields.split(' ').skip(12).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// Ledger, stream, decoding, cells and the first report: all of it is in this process.
async fn the_seed_month_costs_well_under_a_second(db: TestDb) {
    let harness = Harness::start(db).await;
    let records = seed_month();
    let before = cpu();
    harness.ledger.append(records);
    let events = harness.overview().await.measures.unwrap().events;
    let spent = cpu() - before;
    println!("{events} events: {spent:?} of CPU");
    assert!(spent < Duration::from_millis(900), "{spent:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement for release builds"]
async fn the_seed_month_costs_well_under_a_second_on_sqlite() {
    the_seed_month_costs_well_under_a_second(testkit::sqlite::<rollup::Migrator>("rollup").await)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement for release builds"]
async fn the_seed_month_costs_well_under_a_second_on_postgres() {
    the_seed_month_costs_well_under_a_second(testkit::postgres::<rollup::Migrator>("rollup").await)
        .await;
}
