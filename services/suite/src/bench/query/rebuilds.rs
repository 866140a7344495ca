//! Every workspace counted again from the ledger, one after the other: RELIABILITY T30.

use std::time::Duration;

use chassis::SystemClock;
use kernel::{Clock as _, IdSource};
use wire::rollup::v1::{GetRebuildRequest, Rebuild, RebuildState, StartRebuildRequest};

use super::WORKSPACES;
use crate::bench::Target;
use crate::failure::Failure;
use crate::rebuilds;

/// Between two looks at its progress.
const BEAT: Duration = Duration::from_millis(200);

/// What the rebuilds came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rebuilt {
    /// Events replayed a second.
    pub(crate) per_s: f64,
    /// Workspaces whose cells are to the byte as they were before.
    pub(crate) identical: usize,
}

/// Rebuilds all of them, which hold `events` together.
pub(crate) async fn rebuild_all(
    reports: &Target,
    ids: &dyn IdSource,
    events: u64,
) -> Result<Rebuilt, Failure> {
    let (began, mut identical) = (SystemClock.now(), 0);
    for nth in 0..WORKSPACES {
        let rebuilt = rebuild(reports, nth, format!("bench-{:x}", ids.next_i64())).await?;
        let succeeded = rebuilt.state() == RebuildState::Succeeded;
        identical += usize::from(succeeded && rebuilt.digest_before == rebuilt.digest_after);
    }
    let took = SystemClock.now().since(began).as_secs_f64();
    Ok(Rebuilt { per_s: events as f64 / took, identical })
}

async fn rebuild(reports: &Target, nth: usize, request_id: String) -> Result<Rebuild, Failure> {
    let mut client = reports.rebuilds(nth);
    let start = StartRebuildRequest { request_id, reason: "tally bench query".to_owned() };
    let started = client.start_rebuild(reports.request(nth, start)).await;
    let started = started.map_err(Failure::call("no rebuild was started"))?.into_inner();
    let look = async |id: &str| {
        let look = GetRebuildRequest { rebuild_id: id.to_owned() };
        let found = client.get_rebuild(reports.request(nth, look)).await;
        let found = found.map_err(Failure::call("the rebuild was not found"))?.into_inner();
        Ok(found.rebuild.unwrap_or_default())
    };
    rebuilds::ended(started.rebuild.unwrap_or_default(), &SystemClock, BEAT, look).await
}
