//! Lines along time and checks become messages. Nothing here can fail.

use jiff::tz::TimeZone;
use kernel::Timestamp;
use wire::common::v1 as common;
use wire::rollup::v1 as api;

use super::calendar::is_one_month;
use super::parse::Ask;
use super::parse_series::Cut;
use super::render::{basis, measures, timestamp};
use super::words::wire_dimension;
use crate::app::Stated;
use crate::check::Conservation;
use crate::domain::{Bucket, Check, Series, Staffing, Tally};

pub(super) fn series(
    ask: &Ask,
    cut: &Cut,
    now: Timestamp,
    stated: &Stated<Series>,
) -> api::TimeSeries {
    let zone = TimeZone::get(&ask.zone).unwrap_or(TimeZone::UTC);
    let spans: Vec<Span> =
        cut.buckets.iter().map(|bucket| Span::of(bucket, ask, now, &zone)).collect();
    let lines = stated.report.lines.iter().map(|line| {
        let key = cut.by.iter().zip(&line.key).map(|(&dimension, value)| api::DimensionValue {
            dimension: wire_dimension(dimension).into(),
            value: value.clone(),
        });
        let points = spans.iter().zip(&line.points).map(|(span, tally)| span.point(tally));
        api::Series { key: key.collect(), points: points.collect() }
    });
    api::TimeSeries {
        basis: Some(basis(ask, stated, &stated.report.total)),
        series: lines.collect(),
    }
}

pub(super) fn conservation(
    ask: &Ask,
    stated: Stated<Conservation>,
) -> api::CheckConservationResponse {
    let Conservation { checks, seal, total } = &stated.report;
    api::CheckConservationResponse {
        basis: Some(basis(ask, &stated, total)),
        holds: checks.iter().all(Check::holds),
        checks: checks.iter().map(check).collect(),
        digest: seal.clone(),
    }
}

fn check(check: &Check) -> api::ConservationCheck {
    api::ConservationCheck {
        check_id: check.id.to_owned(),
        description: check.description.to_owned(),
        left: check.left,
        right: check.right,
        holds: check.holds(),
    }
}

/// What the points of one bucket have in common.
struct Span {
    window: common::Window,
    staffing: Staffing,
    partial: bool,
}

impl Span {
    fn of(bucket: &Bucket, ask: &Ask, now: Timestamp, zone: &TimeZone) -> Self {
        let window = bucket.window.window();
        let is_month = is_one_month(&bucket.window, zone);
        let months = if is_month { 1.0 } else { bucket.window.days() / 30.0 };
        Self {
            window: common::Window {
                start_time: Some(timestamp(window.start())),
                end_time: Some(timestamp(window.end())),
            },
            staffing: Staffing { months, ..ask.query.staffing },
            partial: bucket.cut || window.end() > now,
        }
    }

    fn point(&self, tally: &Tally) -> api::SeriesPoint {
        api::SeriesPoint {
            window: Some(self.window),
            measures: Some(measures(tally, self.staffing)),
            partial: self.partial,
        }
    }
}
