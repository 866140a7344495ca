//! Reports at today's versions: what the catalog says now, why that is another number, and what happens
//! while it says nothing.

use std::time::Duration;

use crate::harness::{ADMIN_KEY, Catalog, Harness, START, month, task, valued};
use fault::{ErrorReason, reason_of};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use wire::common::v1::Outcome;
use wire::rollup::v1 as api;
use wire::rollup::v1::share_service_client::ShareServiceClient;
use wire::rollup::v1::{Difference, DifferenceCause, Dimension, Overview, ReportQuery, ReportView};

const MINUTE: i64 = 60_000;

/// Three drafts and a routing, valued at 8 and 2 minutes and EUR 85, over a catalog that says so.
async fn harness() -> (Harness, Catalog) {
    let catalog = Catalog::default();
    catalog.say(|said| {
        said.baselines = vec![("drafts", vec![(8, "1")]), ("routing", vec![(2, "1")])];
        said.rate = (85, "1");
        said.subtract_agent_duration = true;
    });
    let db = testkit::sqlite::<rollup::Migrator>("rollup").await;
    let harness = Harness::start_over(db, &catalog).await;
    let steps = [("drafts", 8), ("drafts", 8), ("drafts", 8), ("routing", 2)];
    for (n, (task_type, minutes)) in steps.into_iter().enumerate() {
        let step = task(task_type, Outcome::Success);
        let ticket = format!("T-{n}");
        harness.ledger.append([(START + n as i64, valued("a", &ticket, step, minutes))]);
    }
    (harness, catalog)
}

fn asked(harness: &Harness, view: ReportView) -> Option<ReportQuery> {
    Some(ReportQuery { at_least: harness.head(), view: view.into(), ..month() })
}

async fn overview(harness: &Harness, view: ReportView) -> Result<Overview, Status> {
    let query = asked(harness, view);
    let mut request = Request::new(api::GetOverviewRequest { query, ..Default::default() });
    request.set_timeout(Duration::from_secs(60));
    Ok(harness.reports().get_overview(request).await?.into_inner().overview.unwrap())
}

async fn minutes(harness: &Harness, view: ReportView) -> i64 {
    overview(harness, view).await.unwrap().measures.unwrap().time_saved_ms / MINUTE
}

fn differences(basis: &Option<api::ReportBasis>) -> Vec<Difference> {
    basis.as_ref().unwrap().differences.clone()
}

#[tokio::test]
async fn a_changed_baseline_changes_what_is_restated_after_ten_seconds_and_nothing_recorded() {
    let (harness, catalog) = harness().await;
    let same = overview(&harness, ReportView::AsRestated).await.unwrap();
    assert_eq!(same.basis.as_ref().unwrap().view(), ReportView::AsRestated);
    assert_eq!(same.measures.unwrap().time_saved_ms, 26 * MINUTE);
    assert_eq!(differences(&same.basis), []);

    catalog.say(|said| said.baselines[0].1.insert(0, (10, "2")));
    assert_eq!(minutes(&harness, ReportView::AsRestated).await, 26, "what it said a moment ago");
    harness.clock.put_forward(Duration::from_secs(10));
    let restated = overview(&harness, ReportView::AsRestated).await.unwrap();
    let recorded = overview(&harness, ReportView::AsRecorded).await.unwrap();
    let (now, then) = (restated.measures.unwrap(), recorded.measures.unwrap());
    assert_eq!((now.time_saved_ms, then.time_saved_ms), (32 * MINUTE, 26 * MINUTE));
    assert_eq!(differences(&recorded.basis), []);
    let [longer] = &differences(&restated.basis)[..] else { panic!("{:?}", restated.basis) };
    assert_eq!((longer.cause(), longer.task_type.as_str()), (DifferenceCause::Baseline, "drafts"));
    assert_eq!((longer.from_version.as_str(), longer.to_version.as_str()), ("1", "2"));
    assert_eq!(then.time_saved_ms + longer.time_saved_ms, now.time_saved_ms);
    let money = then.cost_saved[0].micros + longer.cost_saved[0].micros;
    assert_eq!(money, now.cost_saved[0].micros);
    assert_eq!(then.agent_cost, now.agent_cost, "prices are not restated");
}

#[tokio::test]
async fn a_dearer_hour_and_another_rule_are_told_apart() {
    let (harness, catalog) = harness().await;
    let slow = wire::ingest::v1::TaskCompleted {
        duration_ms: Some(3 * MINUTE),
        ..task("drafts", Outcome::Success)
    };
    harness.ledger.append([(START, valued("a", "T-9", slow, 8))]);
    catalog.say(|said| {
        said.rate = (60, "2");
        said.subtract_agent_duration = false;
    });
    let restated = overview(&harness, ReportView::AsRestated).await.unwrap();
    let causes: Vec<_> = differences(&restated.basis)
        .iter()
        .map(|of| (of.cause(), of.task_type.clone(), of.time_saved_ms / MINUTE))
        .collect();
    let of = |cause, task_type: &str, minutes| (cause, task_type.to_owned(), minutes);
    let expected = [
        of(DifferenceCause::Rate, "drafts", 0),
        of(DifferenceCause::SavingsPolicy, "drafts", 3),
        of(DifferenceCause::Rate, "routing", 0),
    ];
    assert_eq!(causes, expected);
}

#[tokio::test]
async fn rows_points_and_files_are_restated_alike() {
    let (harness, catalog) = harness().await;
    catalog.say(|said| said.baselines[0].1.insert(0, (10, "2")));
    let query = asked(&harness, ReportView::AsRestated);
    let savings = api::GetSavingsRequest {
        query: query.clone(),
        dimensions: vec![Dimension::BaselineVersion.into()],
        ..Default::default()
    };
    let report = harness.reports().get_savings(savings.clone()).await.unwrap().into_inner();
    let report = report.report.unwrap();
    let rows: Vec<_> = report
        .rows
        .iter()
        .map(|row| (row.key[0].value.as_str(), row.measures.as_ref().unwrap().time_saved_ms))
        .collect();
    assert_eq!(rows, [("2", 30 * MINUTE), ("1", 2 * MINUTE)], "the versions of today");
    assert_eq!(differences(&report.basis).len(), 1);

    let series = api::GetTimeSeriesRequest { query, ..Default::default() };
    let series = harness.reports().get_time_series(series).await.unwrap().into_inner();
    let series = series.time_series.unwrap();
    let points = series.series.iter().flat_map(|series| &series.points);
    let saved: i64 = points.map(|point| point.measures.as_ref().unwrap().time_saved_ms).sum();
    assert_eq!(saved, 32 * MINUTE);
    assert_eq!(differences(&series.basis), differences(&report.basis));

    let report = Some(api::export_request::Report::Savings(savings));
    let export = api::ExportRequest { report, ..Default::default() };
    let mut pieces = harness.reports().export(export).await.unwrap().into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        bytes.extend_from_slice(&piece.chunk);
    }
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("# view,as_restated\r\n"), "{text}");
    assert!(text.contains("# difference,baseline,drafts,1,2,360000,EUR,8.50\r\n"), "{text}");
}

#[tokio::test]
async fn a_stream_and_a_shared_link_show_what_the_report_shows() {
    let (harness, catalog) = harness().await;
    catalog.say(|said| said.baselines[0].1.insert(0, (10, "2")));
    let report = overview(&harness, ReportView::AsRestated).await.unwrap();
    let query = asked(&harness, ReportView::AsRestated);
    let watch = api::WatchOverviewRequest { query: query.clone(), interval_ms: 0 };
    let mut watching = harness.reports().watch_overview(watch).await.unwrap().into_inner();
    let first = watching.message().await.unwrap().unwrap().overview.unwrap();
    assert_eq!(first, report);

    let overview = api::GetOverviewRequest { query, ..Default::default() };
    let link = api::CreateShareLinkRequest {
        request_id: "a".to_owned(),
        title: "At today's baselines".to_owned(),
        report: Some(api::create_share_link_request::Report::Overview(overview)),
        ..Default::default()
    };
    let mut shares = ShareServiceClient::new(harness.channel(ADMIN_KEY));
    let token = shares.create_share_link(link).await.unwrap().into_inner().token;
    let open = api::OpenShareLinkRequest { token, ..Default::default() };
    let opened = shares.open_share_link(open).await.unwrap().into_inner().report.unwrap();
    assert_eq!(opened, api::open_share_link_response::Report::Overview(report));
}

#[tokio::test]
async fn what_the_catalog_said_last_holds_while_it_is_away() {
    let (harness, catalog) = harness().await;
    catalog.say(|said| said.baselines[0].1.insert(0, (10, "2")));
    assert_eq!(minutes(&harness, ReportView::AsRestated).await, 32);
    catalog.say(|said| said.is_away = true);
    harness.clock.put_forward(Duration::from_secs(10));
    assert_eq!(minutes(&harness, ReportView::AsRestated).await, 32);
    // What came since is of a kind that was never asked about.
    let step = task("new_kind", Outcome::Success);
    harness.ledger.append([(START, valued("a", "T-9", step, 1))]);
    let status = overview(&harness, ReportView::AsRestated).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    catalog.say(|said| said.is_away = false);
    assert_eq!(minutes(&harness, ReportView::AsRestated).await, 32, "nobody knows new_kind");
}

#[tokio::test]
async fn without_a_catalog_nothing_is_restated_and_what_was_recorded_goes_on() {
    let harness = Harness::start(testkit::sqlite::<rollup::Migrator>("rollup").await).await;
    let step = task("drafts", Outcome::Success);
    harness.ledger.append([(START, valued("a", "T-1", step, 8))]);
    let status = overview(&harness, ReportView::AsRestated).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(reason_of(&status), Some(ErrorReason::DependencyUnavailable));
    assert_eq!(status.get_details_error_info().unwrap().metadata["service"], "catalog");
    assert_eq!(minutes(&harness, ReportView::AsRecorded).await, 8);
}

#[tokio::test]
async fn cells_are_not_checked_at_versions_they_were_not_recorded_with() {
    let (harness, _catalog) = harness().await;
    let query = asked(&harness, ReportView::AsRestated);
    let request = api::CheckConservationRequest { query, recount_ledger: false };
    let status = harness.reports().check_conservation(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("query.view"), "{}", status.message());
}
