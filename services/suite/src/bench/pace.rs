//! An open loop: calls at a steady pace, whatever one of them takes.

use std::time::Duration;

use chassis::SystemClock;
use kernel::Clock as _;
use tokio::task::JoinSet;

use crate::failure::Failure;

/// Events a second at which freshness is measured, as the target in DESIGN 11 has it.
const PER_SECOND: u64 = 5_000;
const CALLERS: usize = 64;

/// Lets callers call at [`PER_SECOND`] in all, for `time`. `call` is given the caller's number and how
/// many calls it has made; the first error ends it. Answers how many calls a second were begun: fewer
/// where the machine cannot do more.
pub(crate) async fn paced<C, F>(time: Duration, call: C) -> Result<f64, Failure>
where
    C: Fn(usize, u64) -> F + Clone + Send + 'static,
    F: Future<Output = Result<(), Failure>> + Send,
{
    let between = Duration::from_secs(1).mul_f64(CALLERS as f64 / PER_SECOND as f64);
    let start = SystemClock.now();
    let end = start.plus(time);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let call = call.clone();
        callers.spawn(async move {
            // Spread over the interval, and kept to the schedule whatever one call took.
            let offset = between.mul_f64(caller as f64 / CALLERS as f64);
            SystemClock.sleep_until(start.plus(offset)).await;
            let mut due = tokio::time::interval(between);
            let mut nth = 0;
            while SystemClock.now() < end {
                due.tick().await;
                call(caller, nth).await?;
                nth += 1;
            }
            Ok::<_, Failure>(nth)
        });
    }
    let mut calls = 0;
    while let Some(caller) = callers.join_next().await {
        calls += caller.map_err(|e| Failure::Other(format!("a caller ended: {e}")))??;
    }
    Ok(calls as f64 / time.as_secs_f64())
}
