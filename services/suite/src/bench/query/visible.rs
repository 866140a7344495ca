//! From the answer of Track to an overview that holds the event.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::SystemClock;
use kernel::Clock as _;
use wire::ingest::v1::TrackRequest;
use wire::rollup::v1::{GetOverviewRequest, ReportQuery};

use super::{History, LARGE, WORKSPACES};
use crate::bench::{Sample, Target, paced};
use crate::failure::Failure;

/// Of so many events one is asked after: a report is read more seldom than written, and the asking must
/// not become what is measured.
const ASKED_ONE_IN: u64 = 50;
/// An answer that takes longer ends the bench.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tracks at a steady pace for `time`, half of it into the large workspace. Answers how long events
/// were on their way to the report, and how many a second were tracked.
pub(crate) async fn visible(
    (ingest, reports): (&Arc<Target>, &Arc<Target>),
    history: &History,
    time: Duration,
) -> Result<(Sample, f64), Failure> {
    let late_us = Arc::new(Mutex::new(Vec::new()));
    let (ingest, reports) = (Arc::clone(ingest), Arc::clone(reports));
    let (history, noted) = (history.clone(), Arc::clone(&late_us));
    let per_s = paced(time, move |caller, nth| {
        let (ingest, reports) = (Arc::clone(&ingest), Arc::clone(&reports));
        let (event, noted) = (history.latest(SystemClock.now()), Arc::clone(&noted));
        async move {
            let workspace = workspace(caller, nth);
            let message = TrackRequest { event: Some(event), ..Default::default() };
            let answer = ingest.client(caller).track(ingest.request(workspace, message)).await;
            let answer = answer.map_err(Failure::call("an event was not tracked"))?;
            let acked = SystemClock.now();
            // Not all callers at once.
            if !(nth + caller as u64).is_multiple_of(ASKED_ONE_IN) {
                return Ok(());
            }
            let at_least = answer.into_inner().receipt.unwrap_or_default().position;
            let query = Some(ReportQuery { at_least, ..Default::default() });
            let question = GetOverviewRequest { query, ..Default::default() };
            let mut question = reports.request(workspace, question);
            question.set_timeout(PATIENCE);
            let answer = reports.reports(caller).get_overview(question).await;
            answer.map_err(Failure::call("an event did not get into the overview"))?;
            let late = SystemClock.now().since(acked).as_micros();
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.push(u64::try_from(late).unwrap_or(u64::MAX));
            Ok(())
        }
    })
    .await?;
    let late_us = std::mem::take(&mut *late_us.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((Sample::new(late_us, time), per_s))
}

/// Half of the events are the large workspace's here too, asked after or not.
fn workspace(caller: usize, nth: u64) -> usize {
    if caller.is_multiple_of(2) {
        return LARGE;
    }
    let turn = caller as u64 / 2 + nth * 32;
    1 + usize::try_from(turn % (WORKSPACES as u64 - 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn half_is_tracked_into_the_large_workspace_and_the_rest_into_all_others() {
        let all = (0..64).flat_map(|caller| (0..99).map(move |nth| workspace(caller, nth)));
        let (large, others): (Vec<_>, Vec<_>) = all.partition(|workspace| *workspace == LARGE);
        assert_eq!(large.len(), others.len());
        assert_eq!(others.into_iter().collect::<BTreeSet<_>>().len(), WORKSPACES - 1);
    }
}
