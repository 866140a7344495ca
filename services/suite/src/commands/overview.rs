//! `tally overview`.

use std::process::ExitCode;

use kernel::{Clock as _, Timestamp};
use wire::common::v1 as common;
use wire::rollup::v1::report_service_client::ReportServiceClient;
use wire::rollup::v1::{
    Dimension, Filter, GetOverviewRequest, GetSavingsRequest, ReportQuery, RollingWindow,
};

use super::asking;
use crate::cli::{By, Overview};
use crate::client::Client;
use crate::failure::Failure;
use crate::{print, restated};

pub(crate) async fn run(args: Overview) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut reports = ReportServiceClient::new(client.to(&settings.peers.rollup_url));
    let query = query(&args, chassis::SystemClock.now());
    let overview = GetOverviewRequest { query: Some(query.clone()), compare_previous: false };
    let overview = reports
        .get_overview(overview)
        .await
        .map_err(Failure::call("the overview was not given"))?
        .into_inner();
    let savings = GetSavingsRequest {
        query: Some(query),
        dimensions: vec![dimension(args.by).into()],
        ..Default::default()
    };
    let savings = reports
        .get_savings(savings)
        .await
        .map_err(Failure::call("the savings were not given"))?
        .into_inner();
    if args.json {
        let both = serde_json::json!({ "overview": overview.overview, "savings": savings.report });
        println!("{both}");
        return Ok(ExitCode::SUCCESS);
    }
    let overview = overview.overview.unwrap_or_default();
    if let Some(nothing) = print::no_events(&overview) {
        println!("{nothing}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}\n", print::overview(&overview));
    let note = restated::note(overview.basis.as_ref());
    println!("{}{note}", print::savings(&savings.report.unwrap_or_default(), name(args.by)));
    Ok(ExitCode::SUCCESS)
}

fn query(args: &Overview, now: Timestamp) -> ReportQuery {
    let edge = |at: Timestamp| Some(at.parts().into());
    let window = args.from.map(|from| {
        let to = args.to.unwrap_or_else(|| asking::quarter_hour(now));
        common::Window { start_time: edge(from), end_time: edge(to) }
    });
    let rolling =
        if window.is_some() { RollingWindow::Unspecified } else { RollingWindow::Last30Days };
    let agents = Filter { dimension: Dimension::Agent.into(), values: args.agent.clone() };
    ReportQuery {
        window,
        rolling: rolling.into(),
        filters: if args.agent.is_empty() { Vec::new() } else { vec![agents] },
        policy: asking::policy(args.policy).into(),
        view: asking::view(args.view).into(),
        at_least: args.at_least.clone().unwrap_or_default(),
        ..Default::default()
    }
}

fn dimension(by: By) -> Dimension {
    match by {
        By::TaskType => Dimension::TaskType,
        By::Agent => Dimension::Agent,
        By::Outcome => Dimension::Outcome,
        By::Project => Dimension::Project,
        By::Intent => Dimension::Intent,
        By::Queue => Dimension::Queue,
        By::Channel => Dimension::Channel,
        By::Language => Dimension::Language,
        By::Model => Dimension::Model,
    }
}

fn name(by: By) -> &'static str {
    match by {
        By::TaskType => "Task type",
        By::Agent => "Agent",
        By::Outcome => "Outcome",
        By::Project => "Project",
        By::Intent => "Intent",
        By::Queue => "Queue",
        By::Channel => "Channel",
        By::Language => "Language",
        By::Model => "Model",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    fn asked(arguments: &[&str]) -> ReportQuery {
        let line = ["tally", "overview"].iter().chain(arguments);
        let Command::Overview(args) = Cli::try_parse_from(line).unwrap().command else {
            panic!("not the overview");
        };
        query(&args, "2026-03-15T10:20:30Z".parse().unwrap())
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
}
