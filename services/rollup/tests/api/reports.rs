//! What a report says, waits for and refuses.

use std::time::Duration;

use crate::harness::{Harness, START, TRACK_KEY, event, month, task, token, valued, workspace};
use fault::{ErrorReason, reason_of};
use kernel::{Position, WorkspaceId};
use testkit::TestDb;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use wire::common::v1::{Money, Outcome};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{LedgerRecord, TicketOpened};
use wire::rollup::v1 as api;
use wire::rollup::v1::report_service_client::ReportServiceClient;
use wire::rollup::v1::{Dimension, Filter, GetOverviewRequest, GetSavingsRequest, ReportQuery};

const DAY: i64 = 86_400_000_000;
const HOUR_MS: i64 = 3_600_000;
const AGENT: &str = "support-triage";

async fn sqlite() -> TestDb {
    testkit::sqlite::<rollup::Migrator>("rollup").await
}

async fn postgres() -> TestDb {
    testkit::postgres::<rollup::Migrator>("rollup").await
}

/// 200 tickets a day for 30 days, three steps each.
pub(crate) fn seed_month() -> Vec<(i64, LedgerRecord)> {
    let types = [("email_classification", 4), ("ticket_routing", 2), ("customer_email_draft", 8)];
    let mut records = Vec::new();
    for ticket in 0..6_000 {
        let occurred = START + ticket * (DAY / 200);
        for (task_type, minutes) in types {
            let step = task(task_type, Outcome::Success);
            records.push((occurred, valued(AGENT, &format!("T-{ticket}"), step, minutes)));
        }
    }
    records
}

fn euros(micros: i64) -> Vec<Money> {
    vec![Money { currency_code: "EUR".to_owned(), micros }]
}

fn asked(query: ReportQuery) -> GetOverviewRequest {
    GetOverviewRequest { query: Some(query), ..GetOverviewRequest::default() }
}

async fn the_seed_month_adds_up(db: TestDb) {
    let harness = Harness::start(db).await;
    harness.ledger.append(seed_month());
    let overview = harness.overview().await;
    let measures = overview.measures.unwrap();
    assert_eq!((measures.events, measures.tickets), (18_000, 6_000));
    assert_eq!(measures.time_saved_ms, 1_400 * HOUR_MS);
    assert_eq!(measures.cost_saved, euros(119_000_000_000));
    assert_eq!(measures.agent_cost, euros(216_000_000));
    assert_eq!(measures.net_saved, euros(118_784_000_000));
    assert_eq!(measures.outcomes[0].share, Some(1.0));
    let basis = overview.basis.unwrap();
    assert_eq!(basis.as_of, harness.head());
    assert_eq!(basis.policy(), wire::ingest::v1::SavingsPolicy::Credited);
    assert_eq!(basis.data_quality.unwrap().uncosted_events, Some(0));

    let query = Some(ReportQuery { at_least: harness.head(), ..month() });
    let request = GetSavingsRequest { query, ..GetSavingsRequest::default() };
    let report = harness.reports().get_savings(request).await.unwrap().into_inner().report.unwrap();
    let rows: Vec<_> = report
        .rows
        .into_iter()
        .map(|row| (row.key[0].value.clone(), row.measures.unwrap()))
        .map(|(key, measures)| (key, measures.time_saved_ms / HOUR_MS, measures.cost_saved))
        .collect();
    let expected = [
        ("customer_email_draft".to_owned(), 800, euros(68_000_000_000)),
        ("email_classification".to_owned(), 400, euros(34_000_000_000)),
        ("ticket_routing".to_owned(), 200, euros(17_000_000_000)),
    ];
    assert_eq!(rows, expected);
    assert_eq!(report.total.unwrap().tickets, 6_000);
}

#[tokio::test]
async fn the_seed_month_adds_up_on_sqlite() {
    the_seed_month_adds_up(sqlite().await).await;
}

#[tokio::test]
async fn the_seed_month_adds_up_on_postgres() {
    the_seed_month_adds_up(postgres().await).await;
}

#[tokio::test]
async fn a_ticket_takes_14_minutes_without_the_duplicate_check_and_17_with_it() {
    let harness = Harness::start(sqlite().await).await;
    let step = |(task_type, minutes): (&str, i64)| {
        (START, valued(AGENT, "T-1", task(task_type, Outcome::Success), minutes))
    };
    let three = [("email_classification", 4), ("ticket_routing", 2), ("customer_email_draft", 8)];
    harness.ledger.append(three.map(step));
    assert_eq!(harness.overview().await.measures.unwrap().time_saved_ms, 14 * 60_000, "AN6");
    harness.ledger.append([step(("duplicate_detection", 3))]);
    let measures = harness.overview().await.measures.unwrap();
    assert_eq!((measures.time_saved_ms, measures.tickets), (17 * 60_000, 1), "AN6");
}

#[tokio::test]
async fn a_report_waits_for_what_its_caller_has_written() {
    let harness = Harness::start(sqlite().await).await;
    let mut reports = harness.reports();
    let query = ReportQuery { at_least: token(1), ..month() };
    let waiting = tokio::spawn(async move { reports.get_overview(asked(query)).await });
    tokio::task::yield_now().await;
    harness
        .ledger
        .append([(START, valued(AGENT, "T-1", task("ticket_routing", Outcome::Success), 2))]);
    let overview = waiting.await.unwrap().unwrap().into_inner().overview.unwrap();
    assert_eq!(overview.measures.unwrap().events, 1);
}

#[tokio::test]
async fn a_position_that_does_not_come_in_time_is_refused_with_its_reason() {
    let harness = Harness::start(sqlite().await).await;
    let query = ReportQuery { at_least: token(7), ..month() };
    let mut request = Request::new(asked(query));
    request.set_timeout(Duration::from_millis(600));
    let status = harness.reports().get_overview(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(reason_of(&status), Some(ErrorReason::NotYetConsumed));
    assert_eq!(metadata(&status, "at_least"), token(7));
    assert_eq!(metadata(&status, "as_of"), token(0));
}

#[tokio::test]
async fn other_kinds_of_events_move_the_position_and_nothing_else() {
    let harness = Harness::start(sqlite().await).await;
    let opened = Body::TicketOpened(TicketOpened::default());
    let opened = LedgerRecord { event: Some(event(AGENT, "T-1", opened)), ..Default::default() };
    harness.ledger.append([(START, opened)]);
    let overview = harness.overview().await;
    let measures = overview.measures.unwrap();
    assert_eq!((measures.events, measures.tickets), (0, 0));
    assert_eq!(measures.outcomes[0].share, None, "no events are not zero percent");
    assert_eq!(overview.basis.unwrap().as_of, token(1));
}

#[tokio::test]
async fn the_failures_of_one_agent_stand_apart() {
    let harness = Harness::start(sqlite().await).await;
    let good = valued(AGENT, "T-1", task("email_classification", Outcome::Success), 4);
    let mut restarted = task("email_classification", Outcome::Failure);
    restarted.human_edit_ms = Some(120_000);
    let pending = task("email_classification", Outcome::Pending);
    harness.ledger.append([
        (START, good),
        (START + 1, valued("Second", "T-1", restarted, 4)),
        (START + DAY, valued("Second", "T-2", pending, 4)),
    ]);
    let query = ReportQuery {
        at_least: harness.head(),
        policy: wire::ingest::v1::SavingsPolicy::Strict.into(),
        filters: vec![Filter {
            dimension: Dimension::Agent.into(),
            values: vec!["Second".to_owned()],
        }],
        ..month()
    };
    let request = GetSavingsRequest {
        query: Some(query),
        dimensions: vec![Dimension::Agent.into(), Dimension::Outcome.into()],
        ..GetSavingsRequest::default()
    };
    let report = harness.reports().get_savings(request).await.unwrap().into_inner().report.unwrap();
    let total = report.total.unwrap();
    assert_eq!((total.events, total.tickets, total.time_saved_ms), (2, 2, -120_000));
    let keys: Vec<_> =
        report.rows.iter().map(|row| [&*row.key[0].value, &*row.key[1].value]).collect();
    assert_eq!(keys, [["Second", "pending"], ["Second", "failure"]]);
}

#[tokio::test]
async fn a_month_is_compared_with_the_thirty_days_before() {
    let harness = Harness::start(sqlite().await).await;
    let step =
        |n: i64| valued(AGENT, &format!("T-{n}"), task("ticket_routing", Outcome::Success), 2);
    harness.ledger.append([(START - DAY, step(1)), (START, step(2)), (START + DAY, step(1))]);
    let query = Some(ReportQuery { at_least: harness.head(), ..month() });
    let request = GetOverviewRequest { query, compare_previous: true };
    let answer = harness.reports().get_overview(request).await.unwrap().into_inner();
    let overview = answer.overview.unwrap();
    assert_eq!(overview.measures.unwrap().events, 2);
    assert_eq!(overview.previous.unwrap().events, 1);
    assert_eq!(overview.change.unwrap().events, Some(1.0));
}

#[tokio::test]
async fn the_last_thirty_days_end_with_this_quarter_hour_unless_told_otherwise() {
    let harness = Harness::start(sqlite().await).await;
    let now = harness.ctx.clock.now().micros();
    harness.ledger.append([
        (now, valued(AGENT, "T-1", task("ticket_routing", Outcome::Success), 2)),
        (now - 31 * DAY, valued(AGENT, "T-2", task("ticket_routing", Outcome::Success), 2)),
    ]);
    let query = ReportQuery { at_least: harness.head(), ..ReportQuery::default() };
    let answer = harness.reports().get_overview(asked(query)).await.unwrap().into_inner();
    assert_eq!(answer.overview.unwrap().measures.unwrap().events, 1);
}

#[tokio::test]
async fn everything_wrong_with_a_question_is_named_at_once() {
    let harness = Harness::start(sqlite().await).await;
    let at = |seconds| Some(wire::Timestamp { seconds, nanos: 0 });
    let start = START / 1_000_000;
    let window = wire::common::v1::Window {
        start_time: at(start + 7 * 60),
        end_time: at(start + 86_400 + 1),
    };
    let filter = |dimension: Dimension, value: &str| Filter {
        dimension: dimension.into(),
        values: vec![value.to_owned()],
    };
    let query = ReportQuery {
        window: Some(window),
        rolling: api::RollingWindow::Last7Days.into(),
        filters: vec![filter(Dimension::Outcome, "succes"), filter(Dimension::Unspecified, "x")],
        policy: 99,
        time_zone: "Mars/Olympus".to_owned(),
        at_least: "at_nonsense".to_owned(),
        fte_hours_per_month: 745,
        ..ReportQuery::default()
    };
    let request =
        GetSavingsRequest { query: Some(query), limit: -1, ..GetSavingsRequest::default() };
    let status = harness.reports().get_savings(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let mut fields: Vec<_> = status
        .get_details_bad_request()
        .unwrap()
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect();
    fields.sort();
    let expected = [
        "limit",
        "query.at_least",
        "query.filters[0].values[0]",
        "query.filters[1].dimension",
        "query.fte_hours_per_month",
        "query.policy",
        "query.rolling",
        "query.time_zone",
        "query.window.end_time",
        "query.window.start_time",
    ];
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn an_edge_inside_a_quarter_hour_is_refused_with_the_nearest_ones() {
    let harness = Harness::start(sqlite().await).await;
    let mut query = month();
    if let Some(at) = query.window.as_mut().and_then(|window| window.start_time.as_mut()) {
        at.seconds += 60;
    }
    let status = harness.reports().get_overview(asked(query)).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::WindowNotAligned));
    let hint = "2026-01-01T00:00:00Z and 2026-01-01T00:15:00Z";
    assert!(status.message().contains(hint), "{}", status.message());
}

#[tokio::test]
async fn a_token_of_another_workspace_is_refused_and_not_waited_for() {
    let harness = Harness::start(sqlite().await).await;
    let elsewhere = (1..)
        .filter_map(WorkspaceId::new)
        .map(WorkspaceId::partition)
        .find(|partition| *partition != workspace().partition())
        .unwrap();
    let foreign = Position { partition: elsewhere, seq: 1 }.to_string();
    let query = ReportQuery { at_least: foreign, ..month() };
    let status = harness.reports().get_overview(asked(query)).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::ForeignFreshnessToken));
}

#[tokio::test]
async fn what_is_not_in_this_build_says_so() {
    let harness = Harness::start(sqlite().await).await;
    let mut reports = harness.reports();
    let by_path = GetSavingsRequest {
        dimensions: vec![Dimension::Path.into()],
        ..GetSavingsRequest::default()
    };
    let refusals: Vec<Status> = vec![
        reports.get_savings(by_path).await.unwrap_err(),
        reports.get_metric(api::GetMetricRequest::default()).await.unwrap_err(),
        reports.get_scorecard(api::GetScorecardRequest::default()).await.unwrap_err(),
    ];
    for status in refusals {
        assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
        assert_eq!(reason_of(&status), Some(ErrorReason::NotImplemented), "{status:?}");
    }
}

#[tokio::test]
async fn a_key_that_may_only_track_reads_no_report() {
    let harness = Harness::start(sqlite().await).await;
    let mut reports = ReportServiceClient::new(harness.channel(TRACK_KEY));
    let status = reports.get_overview(GetOverviewRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(reason_of(&status), Some(ErrorReason::InsufficientScope));
}

fn metadata(status: &Status, key: &str) -> String {
    status.get_details_error_info().unwrap().metadata[key].clone()
}
