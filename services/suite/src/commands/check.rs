//! `tally check`: do the sums hold?

use std::process::ExitCode;

use kernel::Clock as _;
use wire::rollup::v1 as api;
use wire::rollup::v1::report_service_client::ReportServiceClient;

use super::asking;
use crate::cli::shares::Check;
use crate::client::{Client, Peer};
use crate::failure::Failure;
use crate::{basis, print};

pub(crate) async fn run(args: Check) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut reports = ReportServiceClient::new(client.to(Peer::Rollup));
    let query = asking::query(args.asked, chassis::SystemClock.now())?;
    let request = api::CheckConservationRequest { query: Some(query), recount_ledger: args.ledger };
    let answer = reports.check_conservation(request).await;
    let answer = answer.map_err(Failure::call("nothing was checked"))?.into_inner();
    if args.json {
        println!("{}", serde_json::to_string(&answer)?);
    } else {
        println!("{}", said(&answer));
    }
    Ok(if answer.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn said(answer: &api::CheckConservationResponse) -> String {
    let mut table = print::table(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["Check", "Left", "Right", "Holds"]);
    for check in &answer.checks {
        let what = match check.description.as_str() {
            "" => check.check_id.clone(),
            words => words.to_owned(),
        };
        let holds = if check.holds { "yes" } else { "NO" };
        table.add_row([
            what,
            print::count(check.left),
            print::count(check.right),
            holds.to_owned(),
        ]);
    }
    print::right(&mut table, &[1, 2]);
    let verdict = if answer.holds { "every sum holds" } else { "NOT every sum holds" };
    let span = print::span_of(answer.basis.as_ref());
    let below = basis::below(answer.basis.as_ref(), None);
    format!("{span}\n{table}\n{verdict}\ndigest {}{below}", answer.digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_hold_cannot_be_overlooked() {
        let check = |left, holds| api::ConservationCheck {
            check_id: "segments_equal_total".to_owned(),
            left,
            right: 1_000,
            holds,
            ..Default::default()
        };
        let answer = api::CheckConservationResponse {
            checks: vec![check(1_000, true), check(999, false)],
            ..Default::default()
        };
        let text = said(&answer);
        assert!(text.contains("NOT every sum holds") && text.contains("999"), "{text}");
        assert!(text.contains("segments_equal_total"), "{text}");
    }
}
