//! Checks that hold, and recounts from the ledger.

use std::time::Duration;

use crate::harness::{
    ADMIN_KEY, Harness, REPORT_KEY, START, month, retracted, revised, task, valued,
};
use fault::{ErrorReason, reason_of};
use testkit::TestDb;
use tonic::{Code, Request};
use wire::common::v1::Outcome;
use wire::ingest::v1::LedgerRecord;
use wire::rollup::v1 as api;
use wire::rollup::v1::rebuild_service_client::RebuildServiceClient;
use wire::rollup::v1::{
    CheckConservationRequest, CheckConservationResponse, GetRebuildRequest, Rebuild, RebuildState,
    ReportQuery, StartRebuildRequest,
};

const DAY: i64 = 86_400_000_000;

async fn sqlite() -> TestDb {
    testkit::sqlite::<rollup::Migrator>("rollup").await
}

async fn postgres() -> TestDb {
    testkit::postgres::<rollup::Migrator>("rollup").await
}

/// Steps over 20 days, every third judged again, every seventh taken back.
fn log(steps: i64) -> Vec<(i64, LedgerRecord)> {
    let outcomes = [Outcome::Success, Outcome::NeedsReview, Outcome::Failure, Outcome::Pending];
    let mut records: Vec<(i64, LedgerRecord)> = (0..steps)
        .map(|n| {
            let mut task = task("customer_email_draft", outcomes[n as usize % 4]);
            task.duration_ms = Some(n * 37 % 90_000);
            let ticket = format!("T-{}", n % 101);
            (START + n * 7 * DAY % (20 * DAY), valued(["a", "b"][n as usize % 2], &ticket, task, 8))
        })
        .collect();
    for seq in 1..=steps {
        let step = records[seq as usize - 1].clone();
        if seq % 3 == 0 {
            let outcome = outcomes[(seq / 3) as usize % 4];
            records.push((START + 21 * DAY, revised(seq, &step, outcome)));
        }
        if seq % 7 == 0 {
            records.push((START + 21 * DAY, retracted(seq, &step)));
        }
    }
    records
}

async fn check(harness: &Harness, recount_ledger: bool) -> CheckConservationResponse {
    let query = Some(ReportQuery { at_least: harness.head(), ..month() });
    let mut request = Request::new(CheckConservationRequest { query, recount_ledger });
    request.set_timeout(Duration::from_secs(60));
    harness.reports().check_conservation(request).await.unwrap().into_inner()
}

async fn ended(harness: &Harness, id: &str) -> Rebuild {
    let mut rebuilds = RebuildServiceClient::new(harness.channel(ADMIN_KEY));
    tokio::time::timeout(Duration::from_secs(30), async {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        loop {
            beat.tick().await;
            let request = GetRebuildRequest { rebuild_id: id.to_owned() };
            let answer = rebuilds.get_rebuild(request).await.unwrap().into_inner();
            let rebuild = answer.rebuild.unwrap();
            if rebuild.state() != RebuildState::Running {
                return rebuild;
            }
        }
    })
    .await
    .unwrap()
}

async fn start(harness: &Harness, request_id: &str) -> Rebuild {
    let request =
        StartRebuildRequest { request_id: request_id.to_owned(), reason: "a test".to_owned() };
    let mut rebuilds = RebuildServiceClient::new(harness.channel(ADMIN_KEY));
    rebuilds.start_rebuild(request).await.unwrap().into_inner().rebuild.unwrap()
}

async fn cells_hold_against_the_ledger_and_a_rebuild_gives_the_same(db: TestDb) -> String {
    let harness = Harness::start(db).await;
    harness.ledger.append(log(700));
    let checked = check(&harness, true).await;
    for check in &checked.checks {
        assert!(check.holds, "{check:?}");
    }
    assert!(checked.holds && checked.checks.len() > 10, "{}", checked.checks.len());
    assert_eq!(checked.digest.len(), 64);
    let before = harness.overview().await;
    assert_eq!(checked.basis, before.basis, "position, quality and all");

    let rebuild = start(&harness, "once").await;
    assert_eq!(rebuild.entries_total, harness.ledger.head());
    let rebuild = ended(&harness, &rebuild.rebuild_id).await;
    assert_eq!(rebuild.state(), RebuildState::Succeeded);
    assert_eq!(rebuild.digest_before, rebuild.digest_after);
    assert_eq!(rebuild.entries_done, rebuild.entries_total);
    assert_eq!(start(&harness, "once").await, rebuild, "the same request begins no other");
    assert_eq!(check(&harness, true).await.digest, checked.digest);
    assert_eq!(harness.overview().await.measures, before.measures);

    // What comes after goes into the cells that are live now.
    harness.ledger.append([log(1).remove(0)]);
    assert!(check(&harness, true).await.holds);
    checked.digest
}

#[tokio::test]
async fn cells_hold_against_the_ledger_on_both_databases_and_are_the_same() {
    let sqlite = cells_hold_against_the_ledger_and_a_rebuild_gives_the_same(sqlite().await).await;
    let postgres =
        cells_hold_against_the_ledger_and_a_rebuild_gives_the_same(postgres().await).await;
    assert_eq!(sqlite, postgres);
}

#[tokio::test]
async fn a_filter_narrows_the_checks_and_not_the_digest() {
    let harness = Harness::start(sqlite().await).await;
    harness.ledger.append(log(100));
    let all = check(&harness, false).await;
    let values = vec!["a".to_owned()];
    let filter = api::Filter { dimension: api::Dimension::Agent.into(), values };
    let query = ReportQuery { at_least: harness.head(), filters: vec![filter], ..month() };
    let request = CheckConservationRequest { query: Some(query), recount_ledger: true };
    let some = harness.reports().check_conservation(request).await.unwrap().into_inner();
    assert!(all.holds && some.holds);
    assert_eq!(all.digest, some.digest);
    assert!(some.checks[0].left < all.checks[0].left);
}

#[tokio::test]
async fn hours_that_are_gone_are_found_by_a_month_that_reads_none() {
    let db = sqlite().await;
    let cells = db.another().await;
    let harness = Harness::start(db).await;
    harness.ledger.append(log(100));
    let failing = async || {
        let checked = check(&harness, false).await;
        let failing = checked.checks.into_iter().filter(|check| !check.holds);
        failing.map(|check| check.check_id).collect::<Vec<_>>()
    };
    assert_eq!(failing().await, Vec::<String>::new());
    cells
        .write::<_, (), db::Error>(|txn| {
            Box::pin(async move {
                use sea_orm::ConnectionTrait as _;
                use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
                let hours = Expr::col("level").eq(2i16);
                let gone = Query::delete().from_table("cell_block").and_where(hours).to_owned();
                txn.execute(&gone).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    let found = failing().await;
    assert!(found.len() == 5 && found.iter().all(|id| id.starts_with("hours_equal")), "{found:?}");
}

#[tokio::test]
async fn an_empty_workspace_is_rebuilt_at_once() {
    let harness = Harness::start(sqlite().await).await;
    let rebuild = start(&harness, "nothing there").await;
    let rebuild = ended(&harness, &rebuild.rebuild_id).await;
    assert_eq!((rebuild.state(), rebuild.entries_total), (RebuildState::Succeeded, 0));
    assert!(check(&harness, true).await.holds);
}

#[tokio::test]
async fn a_rebuild_needs_a_reason_an_admin_and_a_name() {
    let harness = Harness::start(sqlite().await).await;
    let mut rebuilds = RebuildServiceClient::new(harness.channel(ADMIN_KEY));
    let status = rebuilds.start_rebuild(StartRebuildRequest::default()).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::Required));
    for (id, code) in [("rb_?", Code::InvalidArgument), ("rb_0000000000007", Code::NotFound)] {
        let request = GetRebuildRequest { rebuild_id: id.to_owned() };
        assert_eq!(rebuilds.get_rebuild(request).await.unwrap_err().code(), code);
    }
    let mut rebuilds = RebuildServiceClient::new(harness.channel(REPORT_KEY));
    let status = rebuilds.get_rebuild(GetRebuildRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}
