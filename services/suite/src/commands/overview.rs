//! `tally overview`.

use std::process::ExitCode;

use kernel::Timestamp;
use wire::common::v1 as common;
use wire::ingest::v1::SavingsPolicy;
use wire::rollup::v1::report_service_client::ReportServiceClient;
use wire::rollup::v1::{
    Dimension, Filter, GetOverviewRequest, GetSavingsRequest, ReportQuery, RollingWindow,
};

use crate::cli::{By, Overview, PolicyArg};
use crate::client::Client;
use crate::failure::Failure;
use crate::print;

pub(crate) async fn run(args: Overview) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut reports = ReportServiceClient::new(client.to(&settings.peers.rollup_url));
    let query = query(&args);
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
    } else {
        println!("{}\n", print::overview(&overview.overview.unwrap_or_default()));
        println!("{}", print::savings(&savings.report.unwrap_or_default(), name(args.by)));
    }
    Ok(ExitCode::SUCCESS)
}

fn query(args: &Overview) -> ReportQuery {
    let edge = |at: Timestamp| Some(at.parts().into());
    let window = args
        .from
        .zip(args.to)
        .map(|(from, to)| common::Window { start_time: edge(from), end_time: edge(to) });
    let rolling =
        if window.is_some() { RollingWindow::Unspecified } else { RollingWindow::Last30Days };
    let agents = Filter { dimension: Dimension::Agent.into(), values: args.agent.clone() };
    let policy = match args.policy {
        PolicyArg::Gross => SavingsPolicy::Gross,
        PolicyArg::Credited => SavingsPolicy::Credited,
        PolicyArg::Strict => SavingsPolicy::Strict,
    };
    ReportQuery {
        window,
        rolling: rolling.into(),
        filters: if args.agent.is_empty() { Vec::new() } else { vec![agents] },
        policy: policy.into(),
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
