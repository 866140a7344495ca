//! `tally share open`: as its reader, without a key.

use chassis::connect_with_key;
use wire::rollup::v1 as api;
use wire::rollup::v1::open_share_link_response::Report;
use wire::rollup::v1::share_service_client::ShareServiceClient;

use crate::cli::reports::Shown;
use crate::commands::{savings, series};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{print, restated};

pub(super) async fn run(
    settings: &Settings,
    token: String,
    passcode: String,
    json: bool,
) -> Result<(), Failure> {
    let rollup = &settings.peers.rollup_url;
    let channel = connect_with_key(rollup, "cli", None, &settings.process.transport);
    let mut shares = ShareServiceClient::new(channel);
    let request = api::OpenShareLinkRequest { token, passcode };
    let opened = shares.open_share_link(request).await;
    let opened = opened.map_err(Failure::call("the link was not opened"))?.into_inner();
    if json {
        println!("{}", serde_json::to_string(&opened)?);
        return Ok(());
    }
    println!("{}", said(&opened));
    Ok(())
}

fn said(opened: &api::OpenShareLinkResponse) -> String {
    let report = match &opened.report {
        Some(Report::Overview(overview)) if overview.measures.is_none() => {
            "fewer than 5 tickets: not shown".to_owned()
        }
        Some(Report::Overview(overview)) => print::overview(overview),
        Some(Report::Savings(report)) if report.total.is_none() => {
            "fewer than 5 tickets: not shown".to_owned()
        }
        Some(Report::Savings(report)) => {
            let key = report.rows.first().map_or(&[][..], |row| &row.key);
            let heading = savings::heading(key.iter().map(|of| of.dimension()));
            let span = print::span_of(report.basis.as_ref());
            format!("{span}\n\n{}", print::savings(report, &heading))
        }
        Some(Report::TimeSeries(report)) => series::drawn(report, Shown::Hours, series::ink()),
        None => String::new(),
    };
    let basis = match &opened.report {
        Some(Report::Overview(overview)) => overview.basis.as_ref(),
        Some(Report::Savings(report)) => report.basis.as_ref(),
        Some(Report::TimeSeries(report)) => report.basis.as_ref(),
        None => None,
    };
    let note = restated::note(basis);
    let until = opened.expire_time.as_ref().map(print::moment).unwrap_or_default();
    let digest = match opened.digest.as_str() {
        "" => String::new(),
        digest => format!("\nFrozen; SHA-256 {digest}"),
    };
    format!("{}\n\n{report}{note}\n\nOpen until {until}.{digest}", opened.title)
}
