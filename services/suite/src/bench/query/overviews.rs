//! What one overview takes when nothing else is asked: of the large workspace, with the cache and without.

use std::time::Duration;

use chassis::SystemClock;
use kernel::Clock as _;
use wire::rollup::v1::GetOverviewRequest;

use super::{LARGE, questions};
use crate::bench::{Sample, Target};
use crate::failure::Failure;

/// Calls that are not counted: the connection opens, the key is looked up, the cache is filled.
const WARM_UP: u64 = 50;
/// A 99th percentile of fewer calls says little.
pub(super) const ENOUGH: usize = 1_000;
/// They may take so many times as long as was asked for, and no longer.
const PATIENCE: u32 = 10;

/// The same question again and again: answered from the cache.
pub(crate) async fn hot(reports: &Target, time: Duration) -> Result<Sample, Failure> {
    alone(reports, time, |_| Some(questions::same())).await
}

/// Every question a new one: no cache can answer.
pub(crate) async fn cold(reports: &Target, time: Duration) -> Result<Sample, Failure> {
    let now = SystemClock.now();
    alone(reports, time, |nth| questions::new(now, nth)).await
}

/// Asks one question after the other until the time is over, or there is none left.
async fn alone(
    reports: &Target,
    time: Duration,
    question: impl Fn(u64) -> Option<GetOverviewRequest>,
) -> Result<Sample, Failure> {
    let mut client = reports.reports(LARGE);
    let mut took_us = Vec::new();
    let mut count_from = SystemClock.now();
    for nth in 0.. {
        let counted = SystemClock.now().since(count_from);
        let over = counted >= time && took_us.len() >= ENOUGH || counted >= time * PATIENCE;
        let Some(question) = question(nth).filter(|_| !over) else { break };
        let request = reports.request(LARGE, question);
        let sent = SystemClock.now();
        let answer = client.get_overview(request).await;
        answer.map_err(Failure::call("an overview was not given"))?;
        let answered = SystemClock.now();
        if nth < WARM_UP {
            count_from = answered;
        } else {
            took_us.push(u64::try_from(answered.since(sent).as_micros()).unwrap_or(u64::MAX));
        }
    }
    Ok(Sample::new(took_us, SystemClock.now().since(count_from)))
}
