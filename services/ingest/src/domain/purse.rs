//! Tokens a replica has borrowed from the shared bucket and not spent yet.
//!
//! A slice of what the rate allows is borrowed at a time, so that most calls ask nobody. What other
//! replicas hold is the most by which they may together exceed a burst.

use std::time::Duration;

use kernel::Timestamp;

use super::allowance::Rate;

/// What is borrowed at once, as a part of a second.
const SLICES_PER_SECOND: u32 = 10;
/// After a bucket had less than was wanted, nobody asks it again for so long.
const PAUSE: Duration = Duration::from_millis(10);

/// Tokens at hand.
#[derive(Debug, Default)]
pub(crate) struct Purse {
    held: u32,
    short: Option<Short>,
}

/// The last the bucket said when it had less than was wanted.
#[derive(Debug, Clone, Copy)]
struct Short {
    at: Timestamp,
    /// This many would have been there after `wait`.
    least: u32,
    wait: Duration,
}

/// What a purse answers who wants to spend.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    Yes,
    /// Not before the bucket gave so many: at least the first, at most the second number.
    Borrow(u32, u32),
    /// Not now. It will fit after this, if nobody comes in between.
    Wait(Duration),
}

impl Purse {
    /// Spends `events` tokens.
    pub(crate) fn spend(&mut self, events: u32, rate: Rate, now: Timestamp) -> Spent {
        // A rate that was lowered holds for what was borrowed before, too.
        self.held = self.held.min(rate.burst);
        if self.held >= events {
            self.held -= events;
            return Spent::Yes;
        }
        let missing = events - self.held;
        if let Some(wait) = self.short.and_then(|short| short.wait(missing, rate, now)) {
            return Spent::Wait(wait);
        }
        let slice = (rate.per_second / SLICES_PER_SECOND).min(rate.burst);
        Spent::Borrow(missing, slice.max(missing))
    }

    /// Takes in what was borrowed for `events`, and spends them.
    pub(crate) fn lent(&mut self, given: u32, wanted: u32, events: u32, now: Timestamp) {
        self.held = (self.held + given).saturating_sub(events);
        // Less than a token is left.
        let empty = Short { at: now, least: 0, wait: Duration::ZERO };
        self.short = (given < wanted).then_some(empty);
    }

    /// The bucket had less than `least`. Says when to come again.
    pub(crate) fn turned_away(&mut self, least: u32, wait: Duration, now: Timestamp) -> Duration {
        self.short = Some(Short { at: now, least, wait });
        wait.max(PAUSE)
    }
}

impl Short {
    /// How long `missing` must wait; `None` when it is time to ask again.
    fn wait(self, missing: u32, rate: Rate, now: Timestamp) -> Option<Duration> {
        // A clock that was set back must not make a pause of an hour.
        if now < self.at || now >= self.at.plus(PAUSE) {
            return None;
        }
        let passed = now.since(self.at);
        let at_most = |tokens: u32| u64::from(tokens.min(rate.burst)) * 1_000_000;
        let earn = |parts: u64| Duration::from_micros(parts.div_ceil(rate.per_second.into()));
        let (missing, least) = (at_most(missing), at_most(self.least));
        let wait = if missing >= least {
            self.wait + earn(missing - least)
        } else {
            self.wait.saturating_sub(earn(least - missing))
        };
        Some(wait.max(PAUSE).saturating_sub(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The bucket behind the purse, as simple as it gets: whole tokens, a clock in microseconds.
    struct Bank {
        parts: u64,
        at: Timestamp,
    }

    impl Bank {
        fn lend(
            &mut self,
            least: u32,
            most: u32,
            rate: Rate,
            now: Timestamp,
        ) -> Result<u32, Duration> {
            let full = u64::from(rate.burst) * 1_000_000;
            let passed = now.since(self.at).as_micros() as u64;
            self.parts = (self.parts + passed * u64::from(rate.per_second)).min(full);
            self.at = now;
            let wanted = u64::from(least) * 1_000_000;
            if wanted > self.parts {
                let missing = wanted - self.parts;
                return Err(Duration::from_micros(missing.div_ceil(rate.per_second.into())));
            }
            let given = (self.parts / 1_000_000).min(most.into());
            self.parts -= given * 1_000_000;
            Ok(given as u32)
        }
    }

    fn call(purse: &mut Purse, bank: &mut Bank, events: u32, rate: Rate, now: Timestamp) -> Spent {
        match purse.spend(events, rate, now) {
            Spent::Borrow(least, most) => match bank.lend(least, most, rate, now) {
                Ok(given) => {
                    purse.lent(given, most, events, now);
                    Spent::Yes
                }
                Err(wait) => Spent::Wait(purse.turned_away(least, wait, now)),
            },
            other => other,
        }
    }

    proptest! {
        #[test]
        fn spending_stays_within_what_the_bucket_earned_and_waits_are_honest(
            per_second in 1..5_000_u32,
            burst in 1..300_u32,
            calls in prop::collection::vec((0..60_000_u64, 1..50_u32), 1..120),
        ) {
            let rate = Rate { per_second, burst };
            let start = Timestamp::from_micros(5);
            let mut now = start;
            let mut bank = Bank { parts: u64::from(burst) * 1_000_000, at: start };
            let (mut purse, mut spent) = (Purse::default(), 0_u64);
            for (pause, events) in calls {
                let events = events.min(burst);
                now = now.plus(Duration::from_micros(pause));
                match call(&mut purse, &mut bank, events, rate, now) {
                    Spent::Yes => spent += u64::from(events),
                    Spent::Wait(wait) => {
                        now = now.plus(wait);
                        let again = call(&mut purse, &mut bank, events, rate, now);
                        prop_assert_eq!(again, Spent::Yes, "after {:?}", wait);
                        spent += u64::from(events);
                    }
                    Spent::Borrow(..) => unreachable!("the bank was asked"),
                }
                let earned = now.since(start).as_micros() as u64 * u64::from(per_second);
                prop_assert!(spent * 1_000_000 <= u64::from(burst) * 1_000_000 + earned);
            }
        }
    }

    #[test]
    fn a_slice_serves_many_calls_and_the_bucket_is_asked_once() {
        let rate = Rate { per_second: 1_000, burst: 1_000 };
        let (mut purse, now) = (Purse::default(), Timestamp::EPOCH);
        assert_eq!(purse.spend(1, rate, now), Spent::Borrow(1, 100));
        purse.lent(100, 100, 1, now);
        for _ in 0..99 {
            assert_eq!(purse.spend(1, rate, now), Spent::Yes);
        }
        assert_eq!(purse.spend(1, rate, now), Spent::Borrow(1, 100));
        purse.turned_away(1, Duration::from_millis(1), now);
        assert!(matches!(purse.spend(1, rate, now), Spent::Wait(_)), "nobody asks for a while");
    }

    #[test]
    fn a_rate_that_was_lowered_holds_at_once() {
        let (mut purse, now) = (Purse::default(), Timestamp::EPOCH);
        purse.lent(1_000, 1_000, 1, now);
        let low = Rate { per_second: 1, burst: 2 };
        assert_eq!(purse.spend(3, low, now), Spent::Borrow(1, 1));
    }
}
