//! `tally share`: links for people without a key.

mod open;

use std::process::ExitCode;

use kernel::{Clock as _, IdSource as _};
use wire::rollup::v1 as api;
use wire::rollup::v1::create_share_link_request::Report;
use wire::rollup::v1::share_service_client::ShareServiceClient;

use super::asking;
use crate::cli::shares::{Share, ShareAction, ShareLink, ShareWhat};
use crate::client::{Channel, Client, Peer};
use crate::failure::Failure;
use crate::print;

type Caller = ShareServiceClient<Channel>;

pub(crate) async fn run(args: Share) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    if let ShareAction::Open { token, passcode, json } = args.action {
        open::run(&settings, token, passcode, json).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let client = Client::with_key(&settings)?;
    let mut shares = ShareServiceClient::new(client.to(Peer::Rollup));
    match args.action {
        ShareAction::Create { what } => create(&mut shares, what).await?,
        ShareAction::List { json } => list(&mut shares, json).await?,
        ShareAction::Revoke { share_link_id } => {
            let request = api::RevokeShareLinkRequest { request_id: own_id(), share_link_id };
            let revoked = shares.revoke_share_link(request).await;
            let revoked = revoked.map_err(Failure::call("the link was not revoked"))?;
            let link = revoked.into_inner().share_link.unwrap_or_default();
            println!("{} opens nothing any more", link.share_link_id);
        }
        ShareAction::Log { share_link_id, json } => log(&mut shares, share_link_id, json).await?,
        ShareAction::Open { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(shares: &mut Caller, what: ShareWhat) -> Result<(), Failure> {
    let now = chassis::SystemClock.now();
    let (report, link) = match what {
        ShareWhat::Overview { report, link } => {
            (Report::Overview(asking::overview(report, now)?), link)
        }
        ShareWhat::Savings { report, link } => {
            (Report::Savings(asking::savings(report, now)?), link)
        }
        ShareWhat::Series { report, link } => {
            (Report::TimeSeries(asking::series(report, now)?), link)
        }
    };
    let ShareLink { title, frozen, expires, passcode, suppress_small, request_id, json } = link;
    let mode = if frozen { api::ShareMode::Frozen } else { api::ShareMode::Live };
    let passcode_too = if passcode.is_empty() { "" } else { " --passcode …" };
    let request = api::CreateShareLinkRequest {
        request_id: request_id.unwrap_or_else(own_id),
        title,
        report: Some(report),
        mode: mode.into(),
        expire_time: Some(now.plus(expires).parts().into()),
        passcode,
        suppress_small_cells: suppress_small,
    };
    let made = shares.create_share_link(request).await;
    let made = made.map_err(Failure::call("the link was not made"))?.into_inner();
    if json {
        println!("{}", serde_json::to_string(&made)?);
        return Ok(());
    }
    let link = made.share_link.unwrap_or_default();
    let until = link.expire_time.as_ref().map(print::moment).unwrap_or_default();
    if made.token.is_empty() {
        println!(
            "{} was made by this request before; its token is not shown again",
            link.share_link_id
        );
    } else {
        println!(
            "{}\nShown this once: the token of {}, until {until}. Its reader needs no key:\n  \
             tally share open {}{passcode_too}",
            made.token, link.share_link_id, made.token
        );
    }
    Ok(())
}

async fn list(shares: &mut Caller, json: bool) -> Result<(), Failure> {
    let mut request = api::ListShareLinksRequest { page_size: 200, ..Default::default() };
    let mut table = print::table(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["Link", "Title", "Mode", "Made", "State", "Opened", "Last"]);
    loop {
        let page = shares.list_share_links(request.clone()).await;
        let page = page.map_err(Failure::call("the links were not listed"))?.into_inner();
        for link in &page.share_links {
            if json {
                println!("{}", serde_json::to_string(link)?);
            } else {
                table.add_row(row(link));
            }
        }
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    if !json {
        println!("{table}");
    }
    Ok(())
}

fn row(link: &api::ShareLink) -> [String; 7] {
    let moment = |at: &Option<wire::Timestamp>| at.as_ref().map(print::moment);
    let state = match (moment(&link.revoke_time), moment(&link.expire_time)) {
        (Some(at), _) => format!("revoked {at}"),
        (None, at) => format!("until {}", at.unwrap_or_default()),
    };
    let mode = if link.mode() == api::ShareMode::Frozen { "frozen" } else { "live" };
    let lock = if link.passcode_required { ", passcode" } else { "" };
    [
        link.share_link_id.clone(),
        link.title.clone(),
        format!("{mode}{lock}"),
        moment(&link.create_time).unwrap_or_default(),
        state,
        print::count(link.opens),
        moment(&link.last_open_time).unwrap_or_else(|| "never".to_owned()),
    ]
}

async fn log(shares: &mut Caller, share_link_id: String, json: bool) -> Result<(), Failure> {
    let mut request =
        api::ListShareAttemptsRequest { share_link_id, page_size: 200, ..Default::default() };
    let mut table = print::table(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["When", "Outcome", "From", "Program"]);
    loop {
        let page = shares.list_share_attempts(request.clone()).await;
        let page = page.map_err(Failure::call("the log was not given"))?.into_inner();
        for attempt in page.attempts {
            if json {
                println!("{}", serde_json::to_string(&attempt)?);
                continue;
            }
            let outcome = attempt.outcome().as_str_name().trim_start_matches("SHARE_OUTCOME_");
            let outcome = outcome.to_lowercase().replace('_', " ");
            let when = attempt.attempt_time.as_ref().map(print::moment).unwrap_or_default();
            table.add_row([when, outcome, attempt.reader_address, attempt.reader_agent]);
        }
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    if !json {
        println!("{table}");
    }
    Ok(())
}

/// A name for a request that nobody repeats.
pub(super) fn own_id() -> String {
    format!("cli-{:016x}", chassis::OsIds.next_i64())
}
