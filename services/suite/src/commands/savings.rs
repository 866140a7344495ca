//! `tally savings`.

use std::process::ExitCode;

use kernel::Clock as _;
use wire::rollup::v1::Dimension;
use wire::rollup::v1::report_service_client::ReportServiceClient;

use super::asking;
use crate::cli::reports::Savings;
use crate::client::{Client, Peer};
use crate::failure::Failure;
use crate::{basis, print};

pub(crate) async fn run(args: Savings) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut reports = ReportServiceClient::new(client.to(Peer::Rollup));
    let request = asking::savings(args.report, chassis::SystemClock.now())?;
    let heading = heading(request.dimensions());
    let filters = request.query.as_ref().map(|query| query.filters.clone()).unwrap_or_default();
    let answer = reports.get_savings(request).await;
    let answer = answer.map_err(Failure::call("the savings were not given"))?.into_inner();
    if args.json {
        println!("{}", serde_json::to_string(&answer)?);
        return Ok(ExitCode::SUCCESS);
    }
    let report = answer.report.unwrap_or_default();
    let (total, rests_on) = (report.total.as_ref(), report.basis.as_ref());
    if let Some(nothing) = print::no_events(total, rests_on, &filters) {
        println!("{nothing}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}\n", print::span_of(rests_on));
    println!("{}{}", print::savings(&report, &heading), basis::below(rests_on, total));
    Ok(ExitCode::SUCCESS)
}

/// `Task type, Agent`.
pub(super) fn heading(dimensions: impl IntoIterator<Item = Dimension>) -> String {
    let names = dimensions.into_iter().map(|dimension| {
        let name = dimension.as_str_name().trim_start_matches("DIMENSION_").to_lowercase();
        let name = name.replace('_', " ");
        name[..1].to_uppercase() + &name[1..]
    });
    names.collect::<Vec<_>>().join(", ")
}
