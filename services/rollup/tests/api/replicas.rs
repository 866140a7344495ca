//! Two replicas on one database: each entry counts once, whoever consumes it and whoever dies.

use std::time::Duration;

use crate::harness::{Harness, REPORT_KEY, START, month, task, valued};
use testkit::TestDb;
use tonic::Request;
use wire::common::v1::Outcome;
use wire::ingest::v1::LedgerRecord;
use wire::rollup::v1::report_service_client::ReportServiceClient;
use wire::rollup::v1::{CheckConservationRequest, ReportQuery};

fn steps(from: i64, count: i64) -> Vec<(i64, LedgerRecord)> {
    (from..from + count)
        .map(|n| {
            let step = task("ticket_routing", Outcome::Success);
            (START + n * 60_000_000, valued("a", &format!("T-{}", n % 700), step, 2))
        })
        .collect()
}

async fn the_survivor_goes_on_where_the_other_stood(db: TestDb) {
    let harness = Harness::start(db).await;
    harness.ledger.append(steps(0, 2_000));
    let (second, url) = harness.replica().await;
    harness.ledger.append(steps(2_000, 2_000));
    harness.overview().await;
    // The first goes in the middle of what follows.
    harness.ledger.append(steps(4_000, 2_000));
    harness.ctx.stop.cancel();
    harness.ledger.append(steps(6_000, 2_000));
    let key = REPORT_KEY.to_owned().into();
    let channel = chassis::connect_with_key(&url, "test", Some(&key), &second.transport);
    let query = Some(ReportQuery { at_least: harness.head(), ..month() });
    let mut request = Request::new(CheckConservationRequest { query, recount_ledger: false });
    request.set_timeout(Duration::from_secs(30));
    let mut reports = ReportServiceClient::new(channel);
    let checked = reports.check_conservation(request).await.unwrap().into_inner();
    assert!(checked.holds);
    assert_eq!(checked.checks[0].left, 8_000, "{:?}", checked.checks[0]);
    second.stop.cancel();
}

#[tokio::test]
async fn the_survivor_goes_on_where_the_other_stood_on_sqlite() {
    the_survivor_goes_on_where_the_other_stood(testkit::sqlite::<rollup::Migrator>("rollup").await)
        .await;
}

#[tokio::test]
async fn the_survivor_goes_on_where_the_other_stood_on_postgres() {
    let db = testkit::postgres::<rollup::Migrator>("rollup").await;
    the_survivor_goes_on_where_the_other_stood(db).await;
}
