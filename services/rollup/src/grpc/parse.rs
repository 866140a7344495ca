//! Requests become questions: defaults resolved, every violation named at once.

use std::collections::BTreeSet;
use std::time::Duration;

use fault::{ErrorReason, Fault, Violations};
use jiff::tz::TimeZone;
use kernel::{Outcome, Position, Timestamp, Window, WorkspaceId};
use wire::rollup::v1 as api;

use super::calendar::{is_one_month, year_to_date};
use super::desk::Asked;
use super::export::Format;
use super::words;
use crate::app::{Compare, Split};
use crate::domain::{AlignedWindow, Dimension, Filter, Misaligned, Query, Staffing};

const FILTERS_MAX: usize = 16;
const FILTER_VALUES_MAX: usize = 100;
const FILTER_VALUE_BYTES_MAX: usize = 255;
const DIMENSIONS_MAX: usize = 4;
const ROWS_MAX: i32 = 1_000;
const ROWS_DEFAULT: i32 = 100;
const FTE_HOURS_DEFAULT: i32 = 176;
const FTE_HOURS_MAX: i32 = 744;
const DAY: Duration = Duration::from_secs(86_400);

/// What every report is asked with.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) query: Query,
    pub(super) zone: String,
    pub(super) view: View,
    pub(super) at_least: Option<Position>,
}

/// Which versions value the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    AsRecorded,
    AsRestated,
}

pub(super) fn overview(
    workspace: WorkspaceId,
    now: Timestamp,
    request: api::GetOverviewRequest,
) -> Result<(Ask, Compare), Fault> {
    let mut door = Door::default();
    let ask = door.ask(workspace, now, request.query.unwrap_or_default());
    let compare = if request.compare_previous { Compare::Previous } else { Compare::Nothing };
    door.open(ask.map(|ask| (ask, compare)))
}

pub(super) fn savings(
    workspace: WorkspaceId,
    now: Timestamp,
    request: api::GetSavingsRequest,
) -> Result<(Ask, Split), Fault> {
    let mut door = Door::default();
    let ask = door.ask(workspace, now, request.query.unwrap_or_default());
    let by = match &*request.dimensions {
        [] => vec![Dimension::TaskType],
        sent => door.dimensions("dimensions", sent, DIMENSIONS_MAX),
    };
    let order = door.known("order", words::order(request.order));
    let limit = door.range("limit", request.limit, ROWS_DEFAULT, ROWS_MAX);
    let split = order.zip(limit).map(|(order, limit)| Split { by, order, limit: limit as usize });
    door.open(ask.zip(split))
}

/// What is to be exported, and as what. The query itself is read where it is answered.
pub(super) fn export(request: api::ExportRequest) -> Result<(Asked, Format), Fault> {
    use api::ExportFormat as Wire;
    use api::export_request::Report;
    let mut door = Door::default();
    let format = match door.known("format", Wire::try_from(request.format).ok()) {
        None => None,
        Some(Wire::Unspecified | Wire::Csv) => Some(Format::Csv),
        Some(Wire::Json) => Some(Format::Json),
    };
    let asked = match request.report {
        Some(Report::Overview(overview)) => Some(Asked::Overview(overview)),
        Some(Report::Savings(savings)) => Some(Asked::Savings(savings)),
        Some(Report::TimeSeries(series)) => Some(Asked::TimeSeries(series)),
        Some(Report::Scorecard(_)) => {
            door.later = Some("the export of a scorecard");
            None
        }
        Some(Report::CostPerResolution(_)) => {
            door.later = Some("the export of cost per resolution");
            None
        }
        None => {
            let hint = "name the report to export: overview, savings or time_series";
            door.wrong.add("report", ErrorReason::Required, hint);
            None
        }
    };
    door.open(asked.zip(format))
}

/// Collects what is wrong, and what is right but not in this build.
#[derive(Default)]
pub(super) struct Door {
    pub(super) wrong: Violations,
    later: Option<&'static str>,
}

impl Door {
    pub(super) fn open<T>(self, parsed: Option<T>) -> Result<T, Fault> {
        self.wrong.finish()?;
        if let Some(what) = self.later {
            return Err(Fault::unimplemented(what));
        }
        parsed.ok_or_else(|| Fault::internal("the request could not be read"))
    }

    pub(super) fn ask(
        &mut self,
        workspace: WorkspaceId,
        now: Timestamp,
        sent: api::ReportQuery,
    ) -> Option<Ask> {
        let zone = self.zone(&sent.time_zone);
        let window = self.window(now, zone.as_ref(), &sent);
        let filters = self.filters(&sent.filters);
        let policy = self.known("query.policy", words::policy(sent.policy));
        let view = self.view(sent.view);
        let at_least = self.at_least(workspace, &sent.at_least);
        let hours = self.range(
            "query.fte_hours_per_month",
            sent.fte_hours_per_month,
            FTE_HOURS_DEFAULT,
            FTE_HOURS_MAX,
        );
        let (zone, window, policy, view, hours) = (zone?, window?, policy?, view?, hours?);
        let staffing = Staffing {
            hours_per_month: hours.unsigned_abs(),
            months: if is_one_month(&window, &zone) { 1.0 } else { window.days() / 30.0 },
        };
        let zone = zone.iana_name().unwrap_or("UTC").to_owned();
        let query = Query { workspace, window, filters, policy, staffing };
        Some(Ask { query, zone, view, at_least })
    }

    fn zone(&mut self, name: &str) -> Option<TimeZone> {
        if name.is_empty() || name == "UTC" {
            return Some(TimeZone::UTC);
        }
        let zone = kernel::zone(name);
        if let Err(malformed) = &zone {
            let why = ErrorReason::NotATimeZone;
            self.wrong.add("query.time_zone", why, malformed.to_string());
        }
        zone.ok()
    }

    fn window(
        &mut self,
        now: Timestamp,
        zone: Option<&TimeZone>,
        sent: &api::ReportQuery,
    ) -> Option<AlignedWindow> {
        use api::RollingWindow as Wire;
        let rolling = self.known("query.rolling", Wire::try_from(sent.rolling).ok())?;
        let Some(given) = &sent.window else {
            return match rolling {
                Wire::Last24Hours => Some(AlignedWindow::ending(now, DAY)),
                Wire::Last7Days => Some(AlignedWindow::ending(now, 7 * DAY)),
                Wire::Unspecified | Wire::Last30Days => Some(AlignedWindow::ending(now, 30 * DAY)),
                Wire::Last90Days => Some(AlignedWindow::ending(now, 90 * DAY)),
                Wire::YearToDate => year_to_date(now, zone?),
            };
        };
        if rolling != Wire::Unspecified {
            let both = "give a window or a rolling window, not both";
            self.wrong.add("query.rolling", ErrorReason::InvalidField, both);
        }
        let start = self.moment("query.window.start_time", given.start_time.as_ref());
        let end = self.moment("query.window.end_time", given.end_time.as_ref());
        let (start, end) = (start?, end?);
        let Some(window) = Window::new(start, end) else {
            let order = format!("{end} is not later than start_time {start}");
            self.wrong.add("query.window.end_time", ErrorReason::OutOfRange, order);
            return None;
        };
        // Both edges are looked at, so that one answer names both.
        let edges = [("query.window.start_time", start), ("query.window.end_time", end)];
        for (field, edge) in edges {
            if let Some(why) = Misaligned::edge(edge) {
                self.wrong.add(field, ErrorReason::WindowNotAligned, why.to_string());
            }
        }
        match AlignedWindow::new(window) {
            Ok(window) => Some(window),
            Err(Misaligned::Edge(_)) => None,
            Err(long @ Misaligned::TooLong(_)) => {
                self.wrong.add("query.window", ErrorReason::OutOfRange, long.to_string());
                None
            }
        }
    }

    fn moment(&mut self, field: &str, sent: Option<&wire::Timestamp>) -> Option<Timestamp> {
        match sent {
            Some(at) => Some(Timestamp::from_parts(at.seconds, at.nanos)),
            None => {
                self.wrong.add(field, ErrorReason::Required, "a window needs both of its edges");
                None
            }
        }
    }

    fn filters(&mut self, sent: &[api::Filter]) -> Vec<Filter> {
        self.at_most("query.filters", sent.len(), FILTERS_MAX);
        let mut filters: Vec<Filter> = Vec::new();
        for (at, filter) in sent.iter().take(FILTERS_MAX).enumerate() {
            let field = format!("query.filters[{at}].dimension");
            let Some(dimension) = self.dimension(&field, filter.dimension) else { continue };
            if filters.iter().any(|other| other.dimension == dimension) {
                let twice = "this dimension has a filter already; put all values into one";
                self.wrong.add(field, ErrorReason::InvalidField, twice);
                continue;
            }
            let values = self.values(at, dimension, &filter.values);
            filters.push(Filter { dimension, values });
        }
        // The same question in another order is the same question.
        filters.sort_by_key(|filter| filter.dimension);
        filters
    }

    fn values(&mut self, at: usize, dimension: Dimension, sent: &[String]) -> BTreeSet<String> {
        let field = format!("query.filters[{at}].values");
        if sent.is_empty() {
            self.wrong.add(
                &field,
                ErrorReason::Required,
                "a filter needs a value; \"\" is \"not given\"",
            );
        }
        self.at_most(&field, sent.len(), FILTER_VALUES_MAX);
        for (place, value) in sent.iter().take(FILTER_VALUES_MAX).enumerate() {
            let field = format!("{field}[{place}]");
            if value.len() > FILTER_VALUE_BYTES_MAX {
                let long = format!("{} bytes; at most {FILTER_VALUE_BYTES_MAX}", value.len());
                self.wrong.add(field, ErrorReason::TooLarge, long);
            } else if dimension == Dimension::Outcome && Outcome::parse(value).is_none() {
                let words = Outcome::ALL.map(Outcome::as_str).join(", ");
                let hint = format!("{value:?} is not an outcome; there are {words}");
                self.wrong.add(field, ErrorReason::InvalidField, hint);
            } else if dimension == Dimension::Technical
                && !["", "true", "false"].contains(&&**value)
            {
                let hint = format!("{value:?} is none of \"true\", \"false\" and \"\"");
                self.wrong.add(field, ErrorReason::InvalidField, hint);
            }
        }
        sent.iter().take(FILTER_VALUES_MAX).cloned().collect()
    }

    pub(super) fn dimensions(&mut self, field: &str, sent: &[i32], max: usize) -> Vec<Dimension> {
        self.at_most(field, sent.len(), max);
        let mut dimensions = Vec::new();
        for (at, &number) in sent.iter().take(max).enumerate() {
            let field = format!("{field}[{at}]");
            let Some(dimension) = self.dimension(&field, number) else { continue };
            if dimensions.contains(&dimension) {
                self.wrong.add(field, ErrorReason::InvalidField, "this dimension is named twice");
            } else {
                dimensions.push(dimension);
            }
        }
        dimensions
    }

    fn dimension(&mut self, field: &str, number: i32) -> Option<Dimension> {
        match words::dimension(number) {
            words::Asked::Held(dimension) => Some(dimension),
            words::Asked::Later => {
                self.later = Some("a report by tier, risk, path or team");
                None
            }
            words::Asked::Nothing => {
                let hint =
                    format!("{number} is not a dimension; name one such as DIMENSION_TASK_TYPE");
                self.wrong.add(field, ErrorReason::InvalidField, hint);
                None
            }
        }
    }

    fn view(&mut self, number: i32) -> Option<View> {
        use api::ReportView as Wire;
        Some(match self.known("query.view", Wire::try_from(number).ok())? {
            Wire::Unspecified | Wire::AsRecorded => View::AsRecorded,
            Wire::AsRestated => View::AsRestated,
        })
    }

    fn at_least(&mut self, workspace: WorkspaceId, token: &str) -> Option<Position> {
        if token.is_empty() {
            return None;
        }
        let position: Position = self.wrong.take("query.at_least", token.parse())?;
        if position.partition == workspace.partition() {
            return Some(position);
        }
        let foreign = "this token comes from another workspace; its position never comes here";
        self.wrong.add("query.at_least", ErrorReason::ForeignFreshnessToken, foreign);
        None
    }

    pub(super) fn known<T>(&mut self, field: &str, parsed: Option<T>) -> Option<T> {
        if parsed.is_none() {
            let hint = "this number is not in the contract";
            self.wrong.add(field, ErrorReason::InvalidField, hint);
        }
        parsed
    }

    /// Zero is the default.
    pub(super) fn range(&mut self, field: &str, sent: i32, default: i32, max: i32) -> Option<i32> {
        match sent {
            0 => Some(default),
            _ if (1..=max).contains(&sent) => Some(sent),
            _ => {
                let hint = format!("{sent} is not within 1 to {max}");
                self.wrong.add(field, ErrorReason::OutOfRange, hint);
                None
            }
        }
    }

    fn at_most(&mut self, field: &str, sent: usize, max: usize) {
        if sent > max {
            self.wrong.add(
                field,
                ErrorReason::OutOfRange,
                format!("{sent} of them; at most {max}"),
            );
        }
    }
}
