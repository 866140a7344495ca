//! Many times what the machine can take (RELIABILITY T17): what is refused must be refused soon, and the
//! rest served as if nothing were the matter.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::SystemClock;
use kernel::Clock as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use wire::ingest::v1::TrackBatchRequest;

use super::load::quantile;
use super::{Events, Load, Target};
use crate::failure::Failure;

/// Callers for each that keeps the machine busy.
pub(crate) const TIMES: usize = 10;
/// A caller that is refused again and again comes back no later than this.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// What became of the calls.
#[derive(Debug, Default)]
pub(crate) struct Overload {
    accepted_us: Vec<u64>,
    refused_us: Vec<u64>,
}

impl Overload {
    /// Batches accepted in a second.
    pub(crate) fn accepted_per_second(&self, time: Duration) -> f64 {
        self.accepted_us.len() as f64 / time.as_secs_f64()
    }

    /// Microseconds of an accepted call, 99 %.
    pub(crate) fn accepted_p99_us(&self) -> u64 {
        quantile(&self.accepted_us, 0.99)
    }

    /// Microseconds until a refusal, 99 %; 0 when none was refused.
    pub(crate) fn refused_p99_us(&self) -> u64 {
        quantile(&self.refused_us, 0.99)
    }

    /// Refused calls among all, 0 to 1.
    pub(crate) fn refused_share(&self) -> f64 {
        let all = self.accepted_us.len() + self.refused_us.len();
        self.refused_us.len() as f64 / all.max(1) as f64
    }
}

/// Batches of `size` by callers who wait as long as they are told to when they are refused, and twice as
/// long each time it happens again.
pub(crate) async fn overload(
    target: &Arc<Target>,
    events: &Events,
    load: Load,
    size: usize,
) -> Result<Overload, Failure> {
    let seen = Arc::new(Mutex::new(Overload::default()));
    let refusals: Arc<[AtomicU32]> = (0..load.callers).map(|_| AtomicU32::new(0)).collect();
    let (target, events, shared) = (Arc::clone(target), events.clone(), Arc::clone(&seen));
    load.drive(move |caller, _| {
        let message = TrackBatchRequest { events: events.batch(size), ..Default::default() };
        let (mut client, request) = (target.client(caller), target.request(caller, message));
        let (seen, refusals) = (Arc::clone(&shared), Arc::clone(&refusals));
        async move {
            let sent = SystemClock.now();
            let answer = client.track_batch(request).await;
            let took = SystemClock.now().since(sent).as_micros();
            let took = u64::try_from(took).unwrap_or(u64::MAX);
            match answer {
                Ok(_) => {
                    note(&seen, |seen| seen.accepted_us.push(took));
                    refusals[caller].store(0, Ordering::Relaxed);
                    Ok(())
                }
                Err(status) if status.code() == Code::ResourceExhausted => {
                    note(&seen, |seen| seen.refused_us.push(took));
                    let again = refusals[caller].fetch_add(1, Ordering::Relaxed);
                    let back = SystemClock.now().plus(patience(&status, again));
                    SystemClock.sleep_until(back).await;
                    Ok(())
                }
                Err(status) => Err(Failure::call("a batch was not tracked")(status)),
            }
        }
    })
    .await?;
    let mut seen = note(&seen, std::mem::take);
    seen.accepted_us.sort_unstable();
    seen.refused_us.sort_unstable();
    Ok(seen)
}

fn note<T>(seen: &Mutex<Overload>, what: impl FnOnce(&mut Overload) -> T) -> T {
    what(&mut seen.lock().unwrap_or_else(PoisonError::into_inner))
}

fn patience(refusal: &Status, refused_before: u32) -> Duration {
    let told = refusal.get_details_retry_info().and_then(|info| info.retry_delay);
    let told = told.unwrap_or(Duration::from_millis(100));
    told.saturating_mul(1 << refused_before.min(8)).min(BACKOFF_MAX)
}
