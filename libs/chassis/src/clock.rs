//! The system clock: the one place that reads the wall clock for the domain.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kernel::{Clock, Timestamp};

/// Timers follow the monotonic clock, deadlines the wall clock: looking again at least this often keeps
/// a sleeper right when the wall clock is set.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The wall clock of this machine, to the microsecond.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the Clock everybody else asks")]
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        };
        Timestamp::from_micros(micros)
    }

    #[expect(clippy::disallowed_methods, reason = "the Clock everybody else asks")]
    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            loop {
                let left = at.since(self.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LOOK_AGAIN)).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_moment_in_the_past_does_not_wait() {
        SystemClock.sleep_until(SystemClock.now().minus(Duration::from_secs(60))).await;
    }

    #[tokio::test]
    async fn sleeping_ends_at_the_moment_asked_for_and_not_before() {
        let at = SystemClock.now().plus(Duration::from_millis(20));
        SystemClock.sleep_until(at).await;
        assert!(SystemClock.now() >= at);
    }
}
