//! One JSON document: the answer of the call, as the protobuf mapping writes it. A series is written
//! point by point, since ten years of hours are many.

use std::iter::once;

use serde::Serialize;
use wire::rollup::v1 as api;

use super::Parts;
use crate::grpc::desk::Report;

pub(super) fn parts(report: Report) -> Parts {
    match report {
        Report::Overview(overview) => Box::new(once(member("overview", &*overview))),
        Report::Savings(report) => Box::new(once(member("report", &*report))),
        Report::TimeSeries(series) => time_series(*series),
    }
}

fn member(name: &str, message: &impl Serialize) -> String {
    format!("{{\"{name}\":{}}}\n", text(message))
}

fn time_series(report: api::TimeSeries) -> Parts {
    let basis = report.basis.as_ref().map_or_else(|| "null".to_owned(), text);
    let head = format!("{{\"timeSeries\":{{\"basis\":{basis},\"series\":[");
    let series = report.series.into_iter().enumerate().flat_map(|(place, series)| {
        let comma = if place > 0 { "," } else { "" };
        let head = format!("{comma}{{\"key\":{},\"points\":[", text(&series.key));
        let points = series.points.into_iter().enumerate().map(|(place, point)| {
            let comma = if place > 0 { "," } else { "" };
            format!("{comma}{}", text(&point))
        });
        once(head).chain(points).chain(once("]}".to_owned()))
    });
    Box::new(once(head).chain(series).chain(once("]}}\n".to_owned())))
}

/// Only a time beyond the calendar cannot be written, and none of ours is.
fn text(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_else(|error| {
        tracing::error!(%error, "a report cannot be written as JSON");
        "null".to_owned()
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_series_in_parts_is_the_document_in_one() {
        let point = |events| api::SeriesPoint {
            measures: Some(api::Measures { events, ..Default::default() }),
            partial: true,
            ..Default::default()
        };
        let key = vec![api::DimensionValue { dimension: 2, value: "a \"b\"".to_owned() }];
        let series = vec![
            api::Series { key: key.clone(), points: vec![point(1), point(2)] },
            api::Series { key, points: Vec::new() },
        ];
        let basis = api::ReportBasis { as_of: "x".to_owned(), ..Default::default() };
        for basis in [None, Some(basis)] {
            let report = api::TimeSeries { basis, series: series.clone() };
            let text: String = parts(Report::TimeSeries(Box::new(report.clone()))).collect();
            let read: api::GetTimeSeriesResponse = serde_json::from_str(&text).unwrap();
            assert_eq!(read.time_series, Some(report), "{text}");
        }
    }
}
