//! `tally share open`: as its reader, without a key.

use wire::rollup::v1 as api;
use wire::rollup::v1::open_share_link_response::Report;
use wire::rollup::v1::share_service_client::ShareServiceClient;

use crate::cli::reports::Shown;
use crate::client::{Client, Peer};
use crate::commands::{savings, series};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{basis, print};

pub(super) async fn run(
    settings: &Settings,
    token: String,
    passcode: String,
    json: bool,
) -> Result<(), Failure> {
    let rollup = Client::without_key(settings).to(Peer::Rollup);
    let mut shares = ShareServiceClient::new(rollup);
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
            format!("{span}\n\n{}{}", print::savings(report, &heading), left_out(report))
        }
        Some(Report::TimeSeries(report)) => series::drawn(report, Shown::Hours, series::ink()),
        None => String::new(),
    };
    let below = match &opened.report {
        Some(Report::Overview(overview)) => {
            basis::below(overview.basis.as_ref(), overview.measures.as_ref())
        }
        Some(Report::Savings(report)) => basis::below(report.basis.as_ref(), report.total.as_ref()),
        Some(Report::TimeSeries(report)) => basis::below(report.basis.as_ref(), None),
        None => String::new(),
    };
    let until = opened.expire_time.as_ref().map(print::moment).unwrap_or_default();
    let digest = match opened.digest.as_str() {
        "" => String::new(),
        digest => format!("\nFrozen; SHA-256 {digest}"),
    };
    format!("{}\n\n{report}{below}\n\nOpen until {until}.{digest}", opened.title)
}

/// Why rows do not add up to the total, where they do not: the link leaves out small ones.
fn left_out(report: &api::SavingsReport) -> &'static str {
    let events = |measures: &Option<api::Measures>| measures.as_ref().map_or(0, |m| m.events);
    let shown: i64 = report.rows.iter().map(|row| events(&row.measures)).sum();
    if shown + events(&report.rest) < events(&report.total) {
        "\n\nRows of fewer than 5 tickets are left out; the total includes them."
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_do_not_add_up_to_the_total_say_why() {
        let measures =
            |events| Some(api::Measures { events, tickets: events, ..Default::default() });
        let told = |total| {
            let row = api::SavingsRow { measures: measures(7), key: Vec::new() };
            let report = api::SavingsReport {
                rows: vec![row],
                rest: measures(6),
                rest_rows: 1,
                total: measures(total),
                ..Default::default()
            };
            let report = Some(Report::Savings(report));
            said(&api::OpenShareLinkResponse { report, ..Default::default() })
        };
        let footer = "Rows of fewer than 5 tickets are left out; the total includes them.";
        assert!(told(15).contains(footer), "{}", told(15));
        assert!(!told(13).contains(footer), "{}", told(13));
    }
}
