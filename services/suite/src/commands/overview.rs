//! `tally overview`.

use std::process::ExitCode;

use kernel::{Clock as _, Timestamp};
use wire::rollup::v1::report_service_client::ReportServiceClient;
use wire::rollup::v1::{Dimension, Filter, GetOverviewRequest, GetSavingsRequest, ReportQuery};

use super::{asking, savings};
use crate::cli::reports::{Asked, Overview};
use crate::client::{Client, Peer};
use crate::failure::Failure;
use crate::{basis, print};

pub(crate) async fn run(args: Overview) -> Result<ExitCode, Failure> {
    let Overview { asked, by, agent, json } = args;
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut reports = ReportServiceClient::new(client.to(Peer::Rollup));
    let query = query(asked, agent, chassis::SystemClock.now())?;
    let overview = GetOverviewRequest { query: Some(query.clone()), compare_previous: false };
    let overview = reports
        .get_overview(overview)
        .await
        .map_err(Failure::call("the overview was not given"))?
        .into_inner();
    let request = GetSavingsRequest {
        query: Some(query.clone()),
        dimensions: vec![by.into()],
        ..Default::default()
    };
    let savings = reports
        .get_savings(request)
        .await
        .map_err(Failure::call("the savings were not given"))?
        .into_inner();
    if json {
        let both = serde_json::json!({ "overview": overview.overview, "savings": savings.report });
        println!("{both}");
        return Ok(ExitCode::SUCCESS);
    }
    let overview = overview.overview.unwrap_or_default();
    let (measures, rests_on) = (overview.measures.as_ref(), overview.basis.as_ref());
    if let Some(nothing) = print::no_events(measures, rests_on, &query.filters) {
        println!("{nothing}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}\n", print::overview(&overview));
    let table = print::savings(&savings.report.unwrap_or_default(), &savings::heading([by]));
    println!("{table}{}", basis::below(rests_on, measures));
    Ok(ExitCode::SUCCESS)
}

fn query(asked: Asked, agent: Vec<String>, now: Timestamp) -> Result<ReportQuery, Failure> {
    let mut query = asking::query(asked, now)?;
    if !agent.is_empty() {
        query.filters.push(Filter { dimension: Dimension::Agent.into(), values: agent });
    }
    Ok(query)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;
    use wire::rollup::v1::RollingWindow;

    fn parsed(arguments: &[&str]) -> Overview {
        let line = ["tally", "overview"].iter().chain(arguments);
        let Command::Overview(args) = Cli::try_parse_from(line).unwrap().command else {
            panic!("not the overview");
        };
        args
    }

    fn asked(arguments: &[&str]) -> ReportQuery {
        let Overview { asked, agent, .. } = parsed(arguments);
        query(asked, agent, "2026-03-15T10:20:30Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_window_without_an_end_lasts_until_the_quarter_hour_that_runs_is_over() {
        let window = asked(&["--from", "2026-01-01T00:00:00Z"]).window.unwrap();
        assert_eq!(print::moment(&window.end_time.unwrap()), "2026-03-15T10:30:00Z");
        assert_eq!(print::moment(&window.start_time.unwrap()), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn without_a_window_the_last_thirty_days_are_asked_for() {
        let query = asked(&[]);
        assert_eq!((query.window, query.rolling()), (None, RollingWindow::Last30Days));
        let alone = Cli::try_parse_from(["tally", "overview", "--to", "2026-01-01T00:00:00Z"]);
        assert!(alone.is_err(), "an end needs a start");
    }

    #[test]
    fn it_is_asked_with_what_every_report_is_asked_with() {
        let line = ["--last", "7d", "--zone", "Europe/Amsterdam", "--filter", "queue=a"];
        let query = asked(&[&line[..], &["--agent", "b"]].concat());
        assert_eq!(query.rolling(), RollingWindow::Last7Days);
        let filters: Vec<_> = query.filters.iter().map(Filter::dimension).collect();
        assert_eq!(filters, [Dimension::Queue, Dimension::Agent]);
        for by in ["rate_version", "rate-version"] {
            assert_eq!(parsed(&["--by", by]).by, Dimension::RateVersion);
        }
    }
}
