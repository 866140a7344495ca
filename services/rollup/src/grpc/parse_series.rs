//! Requests for lines along time and for checks become questions.

use fault::{ErrorReason, Fault};
use jiff::tz::TimeZone;
use kernel::{Timestamp, WorkspaceId};
use wire::rollup::v1 as api;

use super::parse::{Ask, Door, View};
use crate::check::Against;
use crate::domain::{Bucket, Dimension, Granularity, Uncut, buckets};

const DIMENSIONS_MAX: usize = 2;

/// How a window is cut and split.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    pub(super) by: Vec<Dimension>,
    pub(super) granularity: Granularity,
    pub(super) buckets: Vec<Bucket>,
}

pub(super) fn series(
    workspace: WorkspaceId,
    now: Timestamp,
    request: api::GetTimeSeriesRequest,
) -> Result<(Ask, Cut), Fault> {
    let mut door = Door::default();
    let ask = door.ask(workspace, now, request.query.unwrap_or_default());
    let by = door.dimensions("dimensions", &request.dimensions, DIMENSIONS_MAX);
    let month = door.range("fiscal_start_month", request.fiscal_start_month, 1, 12);
    let asked = door.known("granularity", api::Granularity::try_from(request.granularity).ok());
    let cut = ask.as_ref().zip(month).zip(asked).and_then(|((ask, month), asked)| {
        let granularity = granularity(asked, month);
        // The name was looked up before, when the question was read.
        let zone = TimeZone::get(&ask.zone).unwrap_or(TimeZone::UTC);
        match buckets(&ask.query.window, granularity, &zone) {
            Ok(buckets) => Some(Cut { by, granularity, buckets }),
            Err(uncut) => {
                let (field, reason) = match uncut {
                    Uncut::TooMany => ("granularity", ErrorReason::OutOfRange),
                    Uncut::Unaligned(_) => ("query.time_zone", ErrorReason::WindowNotAligned),
                    Uncut::OffCalendar => ("query.window", ErrorReason::OutOfRange),
                };
                door.wrong.add(field, reason, uncut.to_string());
                None
            }
        }
    });
    door.open(ask.zip(cut))
}

pub(super) fn conservation(
    workspace: WorkspaceId,
    now: Timestamp,
    request: api::CheckConservationRequest,
) -> Result<(Ask, Against), Fault> {
    let mut door = Door::default();
    let ask = door.ask(workspace, now, request.query.unwrap_or_default());
    if ask.as_ref().is_some_and(|ask| ask.view == View::AsRestated) {
        let kept = "cells are checked as they were recorded; ask without a view";
        door.wrong.add("query.view", ErrorReason::InvalidField, kept);
    }
    let against = if request.recount_ledger { Against::Ledger } else { Against::Cells };
    door.open(ask.map(|ask| (ask, against)))
}

fn granularity(asked: api::Granularity, fiscal_start_month: i32) -> Granularity {
    match asked {
        api::Granularity::Hour => Granularity::Hour,
        api::Granularity::Unspecified | api::Granularity::Day => Granularity::Day,
        api::Granularity::Week => Granularity::Week,
        api::Granularity::Month => Granularity::Month,
        api::Granularity::Quarter => Granularity::Quarter(1),
        api::Granularity::FiscalQuarter => {
            Granularity::Quarter(i8::try_from(fiscal_start_month).unwrap_or(1))
        }
    }
}
