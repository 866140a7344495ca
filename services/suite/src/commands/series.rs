//! `tally series`.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use chassis::config::{ProcessEnv, Vars as _};
use jiff::tz::TimeZone;
use kernel::Clock as _;
use wire::rollup::v1 as api;
use wire::rollup::v1::report_service_client::ReportServiceClient;

use super::asking;
use crate::bars::Ink;
use crate::cli::reports::{Series, Shown};
use crate::client::{Client, Peer};
use crate::failure::Failure;
use crate::{basis, print};

const BAR_WIDTH: usize = 30;
const HOUR_SECONDS: i64 = 3_600;

pub(crate) async fn run(args: Series) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut reports = ReportServiceClient::new(client.to(Peer::Rollup));
    let request = asking::series(args.report, chassis::SystemClock.now())?;
    let answer = reports.get_time_series(request).await;
    let answer = answer.map_err(Failure::call("the time series was not given"))?.into_inner();
    if args.json {
        println!("{}", serde_json::to_string(&answer)?);
        return Ok(ExitCode::SUCCESS);
    }
    let report = answer.time_series.unwrap_or_default();
    let below = basis::below(report.basis.as_ref(), None);
    println!("{}{below}", drawn(&report, args.show, ink()));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn ink() -> Ink {
    let plain = ProcessEnv.get("NO_COLOR").is_some() || !std::io::stdout().is_terminal();
    if plain { Ink::Plain } else { Ink::Blocks }
}

/// A bar a bucket, or a line of columns for each of several series.
pub(super) fn drawn(report: &api::TimeSeries, show: Shown, ink: Ink) -> String {
    let span = print::span_of(report.basis.as_ref());
    let zone = report.basis.as_ref().map_or("", |basis| &basis.time_zone);
    let most = report.series.iter().flat_map(|series| &series.points);
    let most = most.map(|point| amount(point, show).unwrap_or(0)).max().unwrap_or(0);
    let table = match report.series.as_slice() {
        [] => return format!("{span}\nno events in this window"),
        [only] if only.key.is_empty() => bars(only, zone, show, ink, most),
        several => lines(several, zone, show, ink, most),
    };
    format!("{span}\n\n{table}")
}

fn bars(series: &api::Series, zone: &str, show: Shown, ink: Ink, most: i64) -> String {
    let mut table = print::table(comfy_table::presets::NOTHING);
    let mut cut = false;
    for (point, start) in series.points.iter().zip(starts(&series.points, zone)) {
        let amount = amount(point, show);
        let bar = ink.bar(amount.unwrap_or(0), most, BAR_WIDTH);
        cut |= point.partial;
        let mark = if point.partial { "*" } else { "" };
        table.add_row([format!("{start}{mark}"), said(amount, show), bar]);
    }
    print::right(&mut table, &[1]);
    let note = if cut { "\n* not whole: it has not ended, or the window cuts it" } else { "" };
    format!("{table}{note}")
}

/// When buckets begin, by the calendar of the zone: the day where they are days or longer, and with the time
/// and its offset where they are hours.
fn starts(points: &[api::SeriesPoint], zone: &str) -> Vec<String> {
    let zone = TimeZone::get(zone).ok();
    let format = if points.iter().any(is_long) { "%F" } else { "%FT%T%:z" };
    let starts = points.iter().map(|point| {
        let start = point.window.as_ref()?.start_time?;
        let local = zone.as_ref().and_then(|zone| {
            let at = jiff::Timestamp::from_second(start.seconds).ok()?;
            Some(at.to_zoned(zone.clone()).strftime(format).to_string())
        });
        Some(local.unwrap_or_else(|| print::moment(&start)))
    });
    starts.map(Option::unwrap_or_default).collect()
}

/// Longer than an hour.
fn is_long(point: &api::SeriesPoint) -> bool {
    let seconds = |at: &Option<wire::Timestamp>| at.as_ref().map_or(0, |at| at.seconds);
    let window = point.window.as_ref();
    window.is_some_and(|span| seconds(&span.end_time) - seconds(&span.start_time) > HOUR_SECONDS)
}

/// A line for each series; below them, which buckets the columns are.
fn lines(series: &[api::Series], zone: &str, show: Shown, ink: Ink, most: i64) -> String {
    let mut table = print::table(comfy_table::presets::NOTHING);
    for line in series {
        let amounts: Vec<_> = line.points.iter().map(|point| amount(point, show)).collect();
        let drawn: Vec<i64> = amounts.iter().map(|amount| amount.unwrap_or(0)).collect();
        // Tickets of two buckets may be the same: they do not add up.
        let last = match show {
            Shown::Hours | Shown::Events => said(Some(amounts.into_iter().flatten().sum()), show),
            Shown::Tickets => String::new(),
        };
        table.add_row([print::name_of(&line.key), ink.line(&drawn, most), last]);
    }
    print::right(&mut table, &[2]);
    let points = series.first().map_or(&[][..], |series| &series.points);
    let starts = starts(points, zone);
    let (first, last) = (starts.first().map_or("", |at| at), starts.last().map_or("", |at| at));
    format!(
        "{table}\nfrom {first} to {last}, a column each; the highest is {}",
        said(Some(most), show)
    )
}

/// `None` where it is not told: suppressed in a shared report.
fn amount(point: &api::SeriesPoint, show: Shown) -> Option<i64> {
    let measures = point.measures.as_ref()?;
    Some(match show {
        Shown::Hours => measures.time_saved_ms,
        Shown::Events => measures.events,
        Shown::Tickets => measures.tickets,
    })
}

fn said(amount: Option<i64>, show: Shown) -> String {
    match (amount, show) {
        (None, _) => "(few)".to_owned(),
        (Some(ms), Shown::Hours) => print::hours(ms),
        (Some(number), Shown::Events | Shown::Tickets) => print::count(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(day: i64, hours: i64) -> api::SeriesPoint {
        let at = |day: i64| Some((day * 86_400, 0).into());
        api::SeriesPoint {
            window: Some(wire::common::v1::Window { start_time: at(day), end_time: at(day + 1) }),
            measures: Some(api::Measures {
                time_saved_ms: hours * 3_600_000,
                ..Default::default()
            }),
            partial: day == 2,
        }
    }

    #[test]
    fn one_series_is_a_bar_a_bucket() {
        let points = vec![point(0, 4), point(1, 0), point(2, 2)];
        let series = vec![api::Series { points, ..Default::default() }];
        let report = api::TimeSeries { series, ..Default::default() };
        let text = drawn(&report, Shown::Hours, Ink::Plain);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert!(lines[0].contains("1970-01-01T00:00:00Z") && lines[0].contains("4 h"), "{text}");
        assert_eq!(lines[0].matches('#').count(), BAR_WIDTH, "{text}");
        assert_eq!((lines[1].matches('#').count(), lines[2].matches('#').count()), (0, 15));
        assert!(lines[2].contains('*') && lines[3].starts_with("* not whole"), "{text}");
    }

    #[test]
    fn a_day_is_named_by_the_calendar_of_its_zone_and_an_hour_by_its_clocks() {
        let window = |start: i64, end: i64| wire::common::v1::Window {
            start_time: Some((start, 0).into()),
            end_time: Some((end, 0).into()),
        };
        // Midnight in Amsterdam, and the first bucket cut at noon.
        let midnight = 1_790_546_400;
        let spans = [window(midnight - 43_200, midnight), window(midnight, midnight + 86_400)];
        let days = spans.map(|span| api::SeriesPoint { window: Some(span), ..Default::default() });
        assert_eq!(starts(&days, "Europe/Amsterdam"), ["2026-09-27", "2026-09-28"]);
        let span = Some(window(midnight, midnight + 3_600));
        let hour = [api::SeriesPoint { window: span, ..Default::default() }];
        assert_eq!(starts(&hour, "Europe/Amsterdam"), ["2026-09-28T00:00:00+02:00"]);
        assert_eq!(starts(&hour, ""), ["2026-09-27T22:00:00Z"]);
    }

    #[test]
    fn several_series_are_a_line_each_on_one_scale() {
        let key = |agent: &str| vec![api::DimensionValue { dimension: 2, value: agent.to_owned() }];
        let of = |agent, hours: [i64; 2]| api::Series {
            key: key(agent),
            points: hours.into_iter().map(|hours| point(0, hours)).collect(),
        };
        let series = vec![of("a", [8, 4]), of("", [1, 0])];
        let report = api::TimeSeries { series, ..Default::default() };
        let text = drawn(&report, Shown::Hours, Ink::Blocks);
        assert!(text.contains("█▄") && text.contains("12 h") && text.contains("(none)"), "{text}");
        assert!(text.ends_with("a column each; the highest is 8 h"), "{text}");
        assert!(drawn(&api::TimeSeries::default(), Shown::Hours, Ink::Plain).contains("no events"));
    }
}
