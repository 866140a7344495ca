//! Arguments become questions.

use kernel::Timestamp;
use wire::common::v1 as common;
use wire::ingest::v1::SavingsPolicy;
use wire::rollup::v1 as api;

use crate::cli::reports::{Asked, Bucket, OrderArg, OverviewOf, SavingsOf, SeriesOf};
use crate::cli::{PolicyArg, ViewArg};
use crate::failure::Failure;

const QUARTER_HOUR_MICROS: i64 = 900_000_000;

pub(super) fn overview(of: OverviewOf, now: Timestamp) -> Result<api::GetOverviewRequest, Failure> {
    let query = Some(query(of.asked, now)?);
    Ok(api::GetOverviewRequest { query, compare_previous: of.compare })
}

pub(super) fn savings(of: SavingsOf, now: Timestamp) -> Result<api::GetSavingsRequest, Failure> {
    let order = match of.order {
        OrderArg::TimeSaved => api::SavingsOrder::TimeSaved,
        OrderArg::Events => api::SavingsOrder::Events,
        OrderArg::Key => api::SavingsOrder::Key,
    };
    Ok(api::GetSavingsRequest {
        query: Some(query(of.asked, now)?),
        dimensions: of.by.into_iter().map(Into::into).collect(),
        order: order.into(),
        limit: of.limit,
    })
}

pub(super) fn series(of: SeriesOf, now: Timestamp) -> Result<api::GetTimeSeriesRequest, Failure> {
    let granularity = match of.by {
        Bucket::Hour => api::Granularity::Hour,
        Bucket::Day => api::Granularity::Day,
        Bucket::Week => api::Granularity::Week,
        Bucket::Month => api::Granularity::Month,
        Bucket::Quarter => api::Granularity::Quarter,
        Bucket::FiscalQuarter => api::Granularity::FiscalQuarter,
    };
    Ok(api::GetTimeSeriesRequest {
        query: Some(query(of.asked, now)?),
        granularity: granularity.into(),
        dimensions: of.split.into_iter().map(Into::into).collect(),
        fiscal_start_month: of.fiscal_start.unwrap_or_default(),
    })
}

/// What is not said stays open: the services fill in what the workspace says.
pub(super) fn query(asked: Asked, now: Timestamp) -> Result<api::ReportQuery, Failure> {
    let (window, rolling) = window(&asked, now).map_err(Failure::Other)?;
    Ok(api::ReportQuery {
        window,
        rolling: rolling.into(),
        filters: asked.filter,
        policy: asked.policy.map_or(SavingsPolicy::Unspecified, policy).into(),
        view: view(asked.view).into(),
        at_least: asked.at_least,
        time_zone: asked.zone.unwrap_or_default(),
        ..Default::default()
    })
}

/// A window the contract has a name for moves on with the report where it is saved or watched.
fn window(
    asked: &Asked,
    now: Timestamp,
) -> Result<(Option<common::Window>, api::RollingWindow), String> {
    use api::RollingWindow as Rolling;
    let edge = |at: Timestamp| Some(at.parts().into());
    let zone = asked.zone.as_deref();
    let from = asked.from.map(|from| from.instant(zone)).transpose()?;
    let to = asked.to.map(|to| to.instant(zone)).transpose()?;
    let (start, end) = match (from, asked.last.as_secs()) {
        (Some(from), _) => (from, to.unwrap_or_else(|| quarter_hour(now))),
        (None, 86_400) => return Ok((None, Rolling::Last24Hours)),
        (None, 604_800) => return Ok((None, Rolling::Last7Days)),
        (None, 2_592_000) => return Ok((None, Rolling::Last30Days)),
        (None, 7_776_000) => return Ok((None, Rolling::Last90Days)),
        (None, _) => {
            let end = quarter_hour(now);
            (start_of_quarter(end.minus(asked.last)), end)
        }
    };
    let window = common::Window { start_time: edge(start), end_time: edge(end) };
    Ok((Some(window), Rolling::Unspecified))
}

fn policy(policy: PolicyArg) -> SavingsPolicy {
    match policy {
        PolicyArg::Gross => SavingsPolicy::Gross,
        PolicyArg::Credited => SavingsPolicy::Credited,
        PolicyArg::Strict => SavingsPolicy::Strict,
    }
}

fn view(view: ViewArg) -> api::ReportView {
    match view {
        ViewArg::Recorded => api::ReportView::AsRecorded,
        ViewArg::Restated => api::ReportView::AsRestated,
    }
}

/// The end of the quarter hour that runs at `at`, where rolling windows end too: what was tracked a
/// moment ago is in it.
fn quarter_hour(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(start_of_quarter(at).micros() + QUARTER_HOUR_MICROS)
}

fn start_of_quarter(at: Timestamp) -> Timestamp {
    let quarters = at.micros().div_euclid(QUARTER_HOUR_MICROS);
    Timestamp::from_micros(quarters * QUARTER_HOUR_MICROS)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use crate::print::moment;
    use clap::Parser as _;

    fn asked(arguments: &[&str]) -> api::GetSavingsRequest {
        let line = ["tally", "savings"].iter().chain(arguments);
        let Command::Savings(args) = Cli::try_parse_from(line).unwrap().command else {
            panic!("not the savings");
        };
        savings(args.report, "2026-03-15T10:20:30Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn what_is_not_said_is_left_to_the_workspace() {
        let query = asked(&[]).query.unwrap();
        assert_eq!((&*query.time_zone, query.policy()), ("", SavingsPolicy::Unspecified));
        let query = asked(&["--zone", "UTC", "--policy", "credited"]).query.unwrap();
        assert_eq!((&*query.time_zone, query.policy()), ("UTC", SavingsPolicy::Credited));
        let Command::Series(args) = Cli::try_parse_from(["tally", "series"]).unwrap().command
        else {
            panic!("not the series");
        };
        assert_eq!(series(args.report, Timestamp::EPOCH).unwrap().fiscal_start_month, 0);
    }

    #[test]
    fn a_day_is_one_of_the_zone_asked_for() {
        let days = ["--from", "2026-01-31", "--to", "2026-02-01", "--zone", "Europe/Amsterdam"];
        let window = asked(&days).query.unwrap().window.unwrap();
        assert_eq!(moment(&window.start_time.unwrap()), "2026-01-30T23:00:00Z");
        assert_eq!(moment(&window.end_time.unwrap()), "2026-01-31T23:00:00Z");
    }

    #[test]
    fn a_length_with_a_name_rolls_and_another_ends_with_the_quarter_hour_that_runs() {
        let query = asked(&["--last", "7d"]).query.unwrap();
        assert_eq!((query.window, query.rolling()), (None, api::RollingWindow::Last7Days));
        let window = asked(&["--last", "36h"]).query.unwrap().window.unwrap();
        assert_eq!(moment(&window.start_time.unwrap()), "2026-03-13T22:30:00Z");
        assert_eq!(moment(&window.end_time.unwrap()), "2026-03-15T10:30:00Z");
    }

    #[test]
    fn values_are_those_recorded_unless_today_s_are_asked_for() {
        let view = |arguments: &[&str]| asked(arguments).query.unwrap().view();
        assert_eq!(view(&[]), api::ReportView::AsRecorded);
        assert_eq!(view(&["--view", "restated"]), api::ReportView::AsRestated);
    }

    #[test]
    fn dimensions_and_filters_are_named_as_reports_name_them() {
        let by = ["--by", "task_type,rate-version", "--filter", "agent=a,b", "--filter", "queue="];
        let request = asked(&by);
        let by: Vec<_> = request.dimensions().collect();
        assert_eq!(by, [api::Dimension::TaskType, api::Dimension::RateVersion]);
        let filters = request.query.unwrap().filters;
        assert_eq!(filters[0].values, ["a", "b"]);
        assert_eq!((filters[1].dimension(), &*filters[1].values[0]), (api::Dimension::Queue, ""));
        for wrong in [["--by", "ticket"], ["--by", "unspecified"], ["--filter", "agent"]] {
            let line = ["tally", "savings"].iter().chain(&wrong);
            assert!(Cli::try_parse_from(line).is_err(), "{wrong:?}");
        }
    }
}
