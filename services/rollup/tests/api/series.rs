//! Lines along time.

use crate::harness::{Harness, START, month, task, valued};
use crate::reports::seed_month;
use fault::{ErrorReason, reason_of};
use tonic::Code;
use tonic_types::StatusExt as _;
use wire::common::v1::{Outcome, Window};
use wire::rollup::v1::{
    Dimension, GetTimeSeriesRequest, Granularity, ReportQuery, SeriesPoint, TimeSeries,
};

const HOUR_MS: i64 = 3_600_000;

async fn harness() -> Harness {
    Harness::start(testkit::sqlite::<rollup::Migrator>("rollup").await).await
}

async fn series(harness: &Harness, request: GetTimeSeriesRequest) -> TimeSeries {
    let query = ReportQuery { at_least: harness.head(), ..request.query.unwrap_or_else(month) };
    let request = GetTimeSeriesRequest { query: Some(query), ..request };
    let mut request = tonic::Request::new(request);
    request.set_timeout(std::time::Duration::from_secs(60));
    harness.reports().get_time_series(request).await.unwrap().into_inner().time_series.unwrap()
}

fn events(points: &[SeriesPoint]) -> Vec<i64> {
    points.iter().map(|point| point.measures.as_ref().unwrap().events).collect()
}

#[tokio::test]
async fn the_seed_month_is_thirty_days_of_200_tickets_and_three_lines_of_task_types() {
    let harness = harness().await;
    harness.ledger.append(seed_month());
    let whole = series(&harness, GetTimeSeriesRequest::default()).await;
    assert_eq!(whole.series.len(), 1);
    let points = &whole.series[0].points;
    assert_eq!(events(points), [600; 30]);
    assert!(points.iter().all(|point| point.measures.as_ref().unwrap().tickets == 200));
    assert!(points.iter().all(|point| !point.partial));
    assert_eq!(whole.basis.unwrap().as_of, harness.head());

    let by_type = GetTimeSeriesRequest {
        dimensions: vec![Dimension::TaskType.into()],
        granularity: Granularity::Month.into(),
        ..Default::default()
    };
    let lines = series(&harness, by_type).await.series;
    let hours: Vec<_> = lines
        .iter()
        .map(|line| {
            let measures = line.points[0].measures.as_ref().unwrap();
            (line.key[0].value.as_str(), line.points.len(), measures.time_saved_ms / HOUR_MS)
        })
        .collect();
    let expected = [
        ("customer_email_draft", 1, 800),
        ("email_classification", 1, 400),
        ("ticket_routing", 1, 200),
    ];
    assert_eq!(hours, expected, "AN7; January has 31 days, so that the month is cut");
    assert!(lines[0].points[0].partial);
}

#[tokio::test]
async fn days_begin_in_the_zone_and_a_change_of_clocks_makes_them_23_hours_long() {
    let harness = harness().await;
    let at = |text: &str| text.parse::<kernel::Timestamp>().unwrap().micros();
    let step = || valued("a", "T-1", task("ticket_routing", Outcome::Success), 2);
    // One just before and one just after midnight in Kathmandu, 05:45 ahead.
    harness.ledger.append([
        (at("2026-03-28T18:14:59Z"), step()),
        (at("2026-03-28T18:15:00Z"), step()),
        (at("2026-03-29T00:30:00Z"), step()),
    ]);
    let window = |start: &str, end: &str| {
        let at = |text| Some(wire::Timestamp { seconds: at(text) / 1_000_000, nanos: 0 });
        Some(Window { start_time: at(start), end_time: at(end) })
    };
    let asked = |zone: &str, window| {
        let query = ReportQuery { time_zone: zone.to_owned(), window, ..Default::default() };
        GetTimeSeriesRequest { query: Some(query), ..Default::default() }
    };
    let kathmandu = asked("Asia/Kathmandu", window("2026-03-27T18:15:00Z", "2026-03-29T18:15:00Z"));
    assert_eq!(events(&series(&harness, kathmandu).await.series[0].points), [1, 2]);
    let amsterdam =
        asked("Europe/Amsterdam", window("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"));
    let points = series(&harness, amsterdam).await.series.remove(0).points;
    assert_eq!((events(&points), points[0].partial), (vec![1], false));
}

#[tokio::test]
async fn what_has_not_ended_or_is_cut_is_partial() {
    let harness = harness().await;
    let now = harness.ctx.clock.now().micros();
    let step = valued("a", "T-1", task("ticket_routing", Outcome::Success), 2);
    harness.ledger.append([(now, step)]);
    let query = Some(ReportQuery::default());
    let request = GetTimeSeriesRequest { query, ..Default::default() };
    let points = series(&harness, request).await.series.remove(0).points;
    assert_eq!(points.iter().map(|point| point.measures.as_ref().unwrap().events).sum::<i64>(), 1);
    assert!(points.last().unwrap().partial);
    assert!(points[1..points.len() - 1].iter().all(|point| !point.partial));
}

#[tokio::test]
async fn too_many_buckets_and_dimensions_are_refused() {
    let harness = harness().await;
    let at =
        |days: i64| Some(wire::Timestamp { seconds: START / 1_000_000 + days * 86_400, nanos: 0 });
    let window = Some(Window { start_time: at(0), end_time: at(126) });
    let request = GetTimeSeriesRequest {
        query: Some(ReportQuery { window, ..Default::default() }),
        granularity: Granularity::Hour.into(),
        fiscal_start_month: 13,
        dimensions: vec![Dimension::Agent.into(); 3],
    };
    let status = harness.reports().get_time_series(request.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let mut fields: Vec<_> = status
        .get_details_bad_request()
        .unwrap()
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect();
    fields.sort();
    assert_eq!(fields, ["dimensions", "dimensions[1]", "fiscal_start_month"]);
    let request = GetTimeSeriesRequest { fiscal_start_month: 0, dimensions: vec![], ..request };
    let status = harness.reports().get_time_series(request).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::OutOfRange));
    assert!(status.message().contains("3000"), "{}", status.message());
}
