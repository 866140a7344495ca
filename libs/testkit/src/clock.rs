//! A clock that a test moves by hand.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use kernel::{Clock, Timestamp};
use tokio::sync::watch;

/// Stands still until [`FakeClock::advance`]. Share it in an `Arc`.
#[derive(Debug)]
pub struct FakeClock {
    now: watch::Sender<Timestamp>,
    /// How many are asleep, so that a test can wait until its subject is.
    sleeping: watch::Sender<usize>,
}

impl FakeClock {
    /// Stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { now: watch::Sender::new(now), sleeping: watch::Sender::new(0) }
    }

    /// Moves on by `by`, and wakes everybody whose time has come.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = now.plus(by));
    }

    /// Jumps to `now`, backwards too: a clock that was set.
    pub fn set(&self, now: Timestamp) {
        self.now.send_replace(now);
    }

    /// Resolves once at least `count` sleepers wait for this clock.
    pub async fn sleepers(&self, count: usize) {
        let mut sleeping = self.sleeping.subscribe();
        sleeping.wait_for(|now| *now >= count).await.expect("this clock holds the sender");
    }
}

impl Default for FakeClock {
    /// Monday, 2 February 2026, 09:00 UTC.
    fn default() -> Self {
        Self::at(Timestamp::from_micros(1_770_022_800_000_000))
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let mut now = self.now.subscribe();
            if *now.borrow_and_update() >= at {
                return;
            }
            let _asleep = Asleep::new(&self.sleeping);
            now.wait_for(|now| *now >= at).await.expect("this clock holds the sender");
        })
    }
}

/// Counts a sleeper for as long as it lives: a sleep that is given up counts no longer.
struct Asleep<'c>(&'c watch::Sender<usize>);

impl<'c> Asleep<'c> {
    fn new(count: &'c watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_time_comes_and_not_before() {
        let clock = Arc::new(FakeClock::default());
        let at = clock.now().plus(Duration::from_secs(60));
        let sleeper = tokio::spawn({
            let clock = Arc::clone(&clock);
            async move { clock.sleep_until(at).await }
        });
        clock.sleepers(1).await;
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        sleeper.await.unwrap();
        clock.sleep_until(at).await;
    }
}
