//! `tally savings`.

use std::process::ExitCode;

use kernel::Clock as _;
use wire::rollup::v1::Dimension;
use wire::rollup::v1::report_service_client::ReportServiceClient;

use super::asking;
use crate::cli::reports::Savings;
use crate::client::Client;
use crate::failure::Failure;
use crate::{print, restated};

pub(crate) async fn run(args: Savings) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut reports = ReportServiceClient::new(client.to(&settings.peers.rollup_url));
    let request = asking::savings(args.report, chassis::SystemClock.now());
    let heading = heading(request.dimensions());
    let answer = reports.get_savings(request).await;
    let answer = answer.map_err(Failure::call("the savings were not given"))?.into_inner();
    if args.json {
        println!("{}", serde_json::to_string(&answer)?);
        return Ok(ExitCode::SUCCESS);
    }
    let report = answer.report.unwrap_or_default();
    println!("{}\n", print::span_of(report.basis.as_ref()));
    let note = restated::note(report.basis.as_ref());
    println!("{}{note}", print::savings(&report, &heading));
    Ok(ExitCode::SUCCESS)
}

/// `Task type, Agent`.
pub(super) fn heading(dimensions: impl Iterator<Item = Dimension>) -> String {
    let names = dimensions.map(|dimension| {
        let name = dimension.as_str_name().trim_start_matches("DIMENSION_").to_lowercase();
        let name = name.replace('_', " ");
        name[..1].to_uppercase() + &name[1..]
    });
    names.collect::<Vec<_>>().join(", ")
}
