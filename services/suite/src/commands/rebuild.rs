//! `tally rebuild`: a recount from the ledger, with progress.

use std::process::ExitCode;
use std::time::Duration;

use chassis::SystemClock;
use indicatif::{ProgressBar, ProgressStyle};
use wire::rollup::v1 as api;
use wire::rollup::v1::rebuild_service_client::RebuildServiceClient;

use super::share::own_id;
use crate::cli::shares::Rebuild;
use crate::client::{Channel, Client, Peer};
use crate::failure::Failure;
use crate::{print, rebuilds};

type Caller = RebuildServiceClient<Channel>;

/// Between two looks at its progress.
const BEAT: Duration = Duration::from_millis(500);

pub(crate) async fn run(args: Rebuild) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut rebuilds = RebuildServiceClient::new(client.to(Peer::Rollup));
    let mut rebuild = match args.id {
        Some(id) => state(&mut rebuilds, &id).await?,
        None => {
            let reason = args.reason.unwrap_or_default();
            let request = api::StartRebuildRequest { request_id: own_id(), reason };
            let started = rebuilds.start_rebuild(request).await;
            let started = started.map_err(Failure::call("no rebuild was started"))?;
            started.into_inner().rebuild.unwrap_or_default()
        }
    };
    if args.wait {
        rebuild = ended(&mut rebuilds, rebuild).await?;
    }
    if args.json {
        println!("{}", serde_json::to_string(&rebuild)?);
    } else {
        println!("{}", said(&rebuild));
    }
    let failed = rebuild.state() == api::RebuildState::Failed;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn state(rebuilds: &mut Caller, id: &str) -> Result<api::Rebuild, Failure> {
    let request = api::GetRebuildRequest { rebuild_id: id.to_owned() };
    let found = rebuilds.get_rebuild(request).await;
    let found = found.map_err(Failure::call("the rebuild was not found"))?.into_inner();
    Ok(found.rebuild.unwrap_or_default())
}

async fn ended(caller: &mut Caller, rebuild: api::Rebuild) -> Result<api::Rebuild, Failure> {
    let bar = ProgressBar::new(rebuild.entries_total.unsigned_abs()).with_style(style());
    let look = async |id: &str| {
        let found = state(caller, id).await?;
        bar.set_length(found.entries_total.unsigned_abs());
        bar.set_position(found.entries_done.unsigned_abs());
        Ok(found)
    };
    let rebuild = rebuilds::ended(rebuild, &SystemClock, BEAT, look).await?;
    bar.finish_and_clear();
    Ok(rebuild)
}

fn style() -> ProgressStyle {
    let template = "{wide_bar} {human_pos} of {human_len} entries, {eta}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn said(rebuild: &api::Rebuild) -> String {
    let id = &rebuild.rebuild_id;
    let entries = print::count(rebuild.entries_done);
    match rebuild.state() {
        api::RebuildState::Unspecified | api::RebuildState::Running => {
            let of = print::count(rebuild.entries_total);
            format!(
                "{id}: {entries} of {of} entries\nFollow it with `tally rebuild --id {id} --wait`."
            )
        }
        api::RebuildState::Failed => {
            format!("{id}: failed after {entries} entries; the cells are as before")
        }
        api::RebuildState::Succeeded if rebuild.digest_before == rebuild.digest_after => {
            format!(
                "{id}: {entries} entries, and every cell is as before\ndigest {}",
                rebuild.digest_after
            )
        }
        api::RebuildState::Succeeded => format!(
            "{id}: {entries} entries, and the cells before were wrong\ndigest before {}\ndigest after  {}",
            rebuild.digest_before, rebuild.digest_after
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebuild_says_whether_the_cells_were_right() {
        let rebuild = |state: api::RebuildState, after: &str| api::Rebuild {
            state: state.into(),
            rebuild_id: "rb_1".to_owned(),
            digest_before: "aa".to_owned(),
            digest_after: after.to_owned(),
            entries_done: 1_000,
            entries_total: 2_000,
            ..Default::default()
        };
        let same = said(&rebuild(api::RebuildState::Succeeded, "aa"));
        assert!(same.contains("as before"), "{same}");
        let other = said(&rebuild(api::RebuildState::Succeeded, "bb"));
        assert!(other.contains("were wrong") && other.contains("bb"), "{other}");
        let running = said(&rebuild(api::RebuildState::Running, ""));
        assert!(running.contains("1,000 of 2,000") && running.contains("--id rb_1"), "{running}");
    }
}
