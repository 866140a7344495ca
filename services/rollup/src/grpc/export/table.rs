//! A report as the lines of a table: what it rests on first, each line behind a `#`, then one header, then
//! one line for each set of measures.

use std::iter::once;

use kernel::Timestamp;
use wire::common::v1 as common;
use wire::rollup::v1 as api;

use super::Parts;
use super::columns::Columns;
use super::csv::Line;
use crate::grpc::desk::Report;

pub(super) fn lines(report: Report) -> Parts {
    match report {
        Report::Overview(overview) => overview_lines(*overview),
        Report::Savings(report) => savings_lines(*report),
        Report::TimeSeries(series) => series_lines(*series),
    }
}

fn overview_lines(overview: api::Overview) -> Parts {
    let mut head = preamble("overview", overview.basis.as_ref());
    if let Some(change) = &overview.change {
        let changes = [
            ("# change_events", change.events),
            ("# change_tickets", change.tickets),
            ("# change_time_saved", change.time_saved),
        ];
        for (name, by) in changes {
            let mut line = Line::default();
            line.text(name);
            match by {
                Some(by) => line.number(by),
                None => line.nothing(),
            };
            line.end_in(&mut head);
        }
    }
    let rows = [("window", overview.measures), ("previous", overview.previous)];
    let rows: Vec<_> = rows.into_iter().filter_map(|(name, m)| m.map(|m| (name, m))).collect();
    let columns = Columns::of(&["part"], rows.iter().map(|(_, measures)| measures));
    let header = columns.header();
    let rows = rows.into_iter().map(move |(name, measures)| {
        let mut line = Line::default();
        line.text(name);
        columns.fill(line, Some(&measures))
    });
    Box::new(once(head).chain(once(header)).chain(rows))
}

fn savings_lines(report: api::SavingsReport) -> Parts {
    let head = preamble("savings", report.basis.as_ref());
    let dimensions: Vec<String> = names(report.rows.first().map_or(&[], |row| &row.key));
    let keys: Vec<&str> = once("part").chain(dimensions.iter().map(String::as_str)).collect();
    let all = report.rows.iter().filter_map(|row| row.measures.as_ref());
    let all = all.chain(&report.rest).chain(&report.total);
    let columns = Columns::of(&keys, all);
    let header = columns.header();
    let width = dimensions.len();
    let segments = report.rows.into_iter().map(|row| ("segment", row.key, row.measures));
    let others = [("rest", report.rest), ("total", report.total)];
    let others = others.into_iter().filter(|(_, measures)| measures.is_some());
    let others = others.map(|(part, measures)| (part, Vec::new(), measures));
    let rows = segments.chain(others).map(move |(part, key, measures)| {
        let mut line = Line::default();
        line.text(part);
        for place in 0..width {
            line.text(key.get(place).map_or("", |of| &of.value));
        }
        columns.fill(line, measures.as_ref())
    });
    Box::new(once(head).chain(once(header)).chain(rows))
}

fn series_lines(report: api::TimeSeries) -> Parts {
    let head = preamble("time_series", report.basis.as_ref());
    let dimensions = names(report.series.first().map_or(&[], |series| &series.key));
    let mut keys: Vec<&str> = dimensions.iter().map(String::as_str).collect();
    keys.extend(["start_time", "end_time", "partial"]);
    let points = report.series.iter().flat_map(|series| &series.points);
    let columns = Columns::of(&keys, points.filter_map(|point| point.measures.as_ref()));
    let header = columns.header();
    let rows = report.series.into_iter().flat_map(|series| {
        let key = series.key;
        series.points.into_iter().map(move |point| (key.clone(), point))
    });
    let rows = rows.map(move |(key, point)| {
        let mut line = Line::default();
        key.iter().for_each(|of| {
            line.text(&of.value);
        });
        let (start, end) = edges(point.window.as_ref());
        line.text(&start).text(&end).number(point.partial);
        columns.fill(line, point.measures.as_ref())
    });
    Box::new(once(head).chain(once(header)).chain(rows))
}

/// What the numbers rest on: enough to ask for them again.
fn preamble(report: &str, basis: Option<&api::ReportBasis>) -> String {
    let mut text = String::new();
    let mut put = |name: &str, value: &str| {
        let mut line = Line::default();
        line.text(name).text(value);
        line.end_in(&mut text);
    };
    put("# report", report);
    let Some(basis) = basis else { return text };
    let (start, end) = edges(basis.window.as_ref());
    put("# definition_version", &basis.definition_version);
    put("# window_start", &start);
    put("# window_end", &end);
    put("# policy", &word(basis.policy().as_str_name(), "SAVINGS_POLICY_"));
    put("# view", &word(basis.view().as_str_name(), "REPORT_VIEW_"));
    put("# time_zone", &basis.time_zone);
    put("# as_of", &basis.as_of);
    let quality = basis.data_quality.unwrap_or_default();
    for (name, count) in [
        ("# uncosted_events", quality.uncosted_events),
        ("# unvalued_events", quality.unvalued_events),
        ("# pending_events", quality.pending_events),
        ("# unconverted_amounts", quality.unconverted_amounts),
        ("# overflowed_events", quality.overflowed_events),
        ("# duplicate_events", quality.duplicate_events),
    ] {
        if let Some(count) = count {
            put(name, &count.to_string());
        }
    }
    for difference in &basis.differences {
        difference_line(difference).end_in(&mut text);
    }
    text
}

/// Cause, task type, versions, milliseconds, then each currency with its amount.
fn difference_line(difference: &api::Difference) -> Line {
    let mut line = Line::default();
    line.text("# difference").text(&word(difference.cause().as_str_name(), "DIFFERENCE_CAUSE_"));
    line.text(&difference.task_type).text(&difference.from_version).text(&difference.to_version);
    line.number(difference.time_saved_ms);
    for amount in &difference.cost_saved {
        line.text(&amount.currency_code).decimal(amount.micros);
    }
    line
}

fn names(key: &[api::DimensionValue]) -> Vec<String> {
    key.iter().map(|of| word(of.dimension().as_str_name(), "DIMENSION_")).collect()
}

/// `SAVINGS_POLICY_CREDITED` is `credited`.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

fn edges(window: Option<&common::Window>) -> (String, String) {
    let edge = |at: Option<&wire::Timestamp>| {
        at.map(|at| Timestamp::from_parts(at.seconds, at.nanos).to_string()).unwrap_or_default()
    };
    let window = window.copied().unwrap_or_default();
    (edge(window.start_time.as_ref()), edge(window.end_time.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(currency: &str, micros: i64) -> common::Money {
        common::Money { currency_code: currency.to_owned(), micros }
    }

    fn measures(events: i64, saved: Vec<common::Money>) -> Option<api::Measures> {
        Some(api::Measures { events, cost_saved: saved, fte: 0.5, ..Default::default() })
    }

    fn measured(measures: Option<api::Measures>) -> Option<api::Measures> {
        let took = api::DurationQuantiles { p50_ms: 1_500, p90_ms: 2_000, n: 7 };
        measures.map(|measures| api::Measures { agent_duration: Some(took), ..measures })
    }

    fn point(hour: i64, measures: Option<api::Measures>) -> api::SeriesPoint {
        let at = |hour: i64| Some((hour * 3_600, 0).into());
        let window = Some(common::Window { start_time: at(hour), end_time: at(hour + 1) });
        api::SeriesPoint { window, measures, partial: hour == 1 }
    }

    #[test]
    fn a_series_has_a_line_a_bucket_and_a_column_a_currency() {
        let of = |agent: &str| {
            vec![api::DimensionValue {
                dimension: api::Dimension::Agent.into(),
                value: agent.to_owned(),
            }]
        };
        let points = vec![
            point(0, measures(3, vec![money("EUR", 1_500_000), money("USD", -1)])),
            point(1, measured(measures(0, vec![money("USD", 2)]))),
        ];
        let series = vec![
            api::Series { key: of("-a"), points },
            api::Series { key: of("b"), points: vec![point(0, None)] },
        ];
        let report = api::TimeSeries { series, ..Default::default() };
        let text: String = lines(Report::TimeSeries(Box::new(report))).collect();
        let expected = [
            "# report,time_series",
            "agent,start_time,end_time,partial,events,tickets,success,needs_review,failure,pending,\
             time_saved_ms,cost_saved_EUR,cost_saved_USD,fte,uncosted_events,unvalued_events,\
             agent_duration_p50_ms,agent_duration_p90_ms,agent_durations",
            "'-a,1970-01-01T00:00:00Z,1970-01-01T01:00:00Z,false,3,0,0,0,0,0,0,1.50,-0.000001,0.5,0,0,,,0",
            "'-a,1970-01-01T01:00:00Z,1970-01-01T02:00:00Z,true,0,0,0,0,0,0,0,,0.000002,0.5,0,0,1500,2000,7",
            "b,1970-01-01T00:00:00Z,1970-01-01T01:00:00Z,false,,,,,,,,,,,,,,,",
            "",
        ];
        assert_eq!(text, expected.join("\r\n"));
    }
}
