//! A report as a file holds the numbers of the report.

use crate::harness::{Harness, START, month, task, valued};
use fault::{ErrorReason, reason_of};
use tonic::Code;
use wire::common::v1::Outcome;
use wire::rollup::v1 as api;
use wire::rollup::v1::export_request::Report;
use wire::rollup::v1::{Dimension, ExportFormat, ExportRequest, ReportQuery};

async fn harness() -> Harness {
    let harness = Harness::start(testkit::sqlite::<rollup::Migrator>("rollup").await).await;
    let agents = ["=cmd|' /C calc'!A0", "a, \"b\"", "plain", ""];
    for (n, agent) in agents.into_iter().enumerate() {
        let outcome = if n == 1 { Outcome::Failure } else { Outcome::Success };
        let step = valued(agent, &format!("T-{n}"), task("ticket_routing", outcome), 2 + n as i64);
        harness.ledger.append([(START + n as i64, step)]);
    }
    harness
}

fn savings(harness: &Harness, limit: i32) -> api::GetSavingsRequest {
    api::GetSavingsRequest {
        query: Some(ReportQuery { at_least: harness.head(), ..month() }),
        dimensions: vec![Dimension::Agent.into()],
        limit,
        ..Default::default()
    }
}

async fn exported(harness: &Harness, report: Report, format: ExportFormat) -> String {
    let request = ExportRequest { report: Some(report), format: format.into() };
    let mut pieces = harness.reports().export(request).await.unwrap().into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        assert!((1..=64 * 1024).contains(&piece.chunk.len()));
        bytes.extend_from_slice(&piece.chunk);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_savings_file_says_what_it_rests_on_and_runs_nothing() {
    let harness = harness().await;
    let report = Report::Savings(savings(&harness, 3));
    let text = exported(&harness, report, ExportFormat::Csv).await;
    let head = harness.head();
    let as_of = format!("# as_of,{head}\r\n");
    for line in [
        "# report,savings\r\n",
        "# definition_version,savings/2\r\n",
        "# window_start,2026-01-01T00:00:00Z\r\n",
        "# policy,credited\r\n",
        "# time_zone,UTC\r\n",
        &as_of,
    ] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
    let rows: Vec<&str> = text.split("\r\n").filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        rows[0],
        "part,agent,events,tickets,success,needs_review,failure,pending,time_saved_ms,cost_saved_EUR,\
         agent_cost_EUR,net_saved_EUR,fte,uncosted_events,unvalued_events,agent_duration_p50_ms,\
         agent_duration_p90_ms,agent_durations"
    );
    let begin: Vec<&str> = rows[1..].iter().map(|row| &row[..row.len().min(30)]).collect();
    assert!(begin[0].starts_with("segment,,1,1,1,0,0,0,300000"), "{text}");
    assert!(rows.iter().any(|row| row.starts_with("segment,'=cmd|' /C calc'!A0,1,1,1")), "{text}");
    assert!(text.contains("rest,,1,1,0,0,1,0,0,0.00,0.012,-0.012,"), "the failure: {text}");
    assert!(text.contains("total,,4,4,3,0,1,0,660000,15.583333,0.048,15.535333,"), "{text}");
    assert!(text.ends_with("\r\n"));
}

#[tokio::test]
async fn a_json_file_is_the_answer_of_the_call() {
    let harness = harness().await;
    let request = savings(&harness, 100);
    let text = exported(&harness, Report::Savings(request.clone()), ExportFormat::Json).await;
    let answer = harness.reports().get_savings(request).await.unwrap().into_inner();
    assert_eq!(text, format!("{}\n", serde_json::to_string(&answer).unwrap()));

    let query = Some(ReportQuery { at_least: harness.head(), ..month() });
    let request = api::GetOverviewRequest { query, compare_previous: true };
    let text = exported(&harness, Report::Overview(request.clone()), ExportFormat::Json).await;
    let answer = harness.reports().get_overview(request).await.unwrap().into_inner();
    assert_eq!(text, format!("{}\n", serde_json::to_string(&answer).unwrap()));
}

#[tokio::test]
async fn an_overview_file_has_a_line_for_each_window() {
    let harness = harness().await;
    let query = Some(ReportQuery { at_least: harness.head(), ..month() });
    let request = api::GetOverviewRequest { query, compare_previous: true };
    let text = exported(&harness, Report::Overview(request), ExportFormat::Unspecified).await;
    let rows: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(rows.len(), 3, "{text}");
    assert!(rows[1].starts_with("window,4,4,3,0,1,0,660000"), "{text}");
    assert!(rows[2].starts_with("previous,0,0,0,0,0,0,0"), "{text}");
    assert!(text.contains("# change_events,\r\n"), "nothing to compare with: {text}");
}

#[tokio::test]
async fn what_cannot_be_exported_is_refused_before_the_first_piece() {
    let harness = harness().await;
    let refused = harness.reports().export(ExportRequest::default()).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason_of(&refused)),
        (Code::InvalidArgument, Some(ErrorReason::Required))
    );
    let mut wrong = savings(&harness, 5_000);
    wrong.dimensions = vec![0];
    let request = ExportRequest { report: Some(Report::Savings(wrong)), format: 0 };
    let refused = harness.reports().export(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}
