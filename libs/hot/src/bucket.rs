//! The arithmetic of a token bucket: how many tokens there are, and when there will be enough.

use std::time::Duration;

use kernel::Timestamp;

/// One token is a million of these: a microsecond at one token a second earns one.
const PARTS: i128 = 1_000_000;

/// How a bucket fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Tokens a second in the long run, 1 or more.
    pub per_second: u32,
    /// Tokens a full bucket holds, 1 or more.
    pub burst: u32,
}

/// How many tokens are wanted of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Fewer are of no use. More than a full bucket holds are given by a full one, which then owes
    /// the rest: what asks for so many waits longest, and is not locked out.
    pub least: u32,
    /// More are not needed; `least` where that is more.
    pub most: u32,
}

/// What a bucket gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// So many tokens, at least as many as were of use.
    Given(u32),
    /// None. There will be enough after this, unless somebody else takes them first.
    Wait(Duration),
}

/// A bucket, full at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Millionths of a token; below zero for a bucket that owes.
    parts: i128,
    filled: Timestamp,
}

impl Bucket {
    pub(crate) fn full(rate: Rate, now: Timestamp) -> Self {
        Self { parts: i128::from(rate.burst) * PARTS, filled: now }
    }

    /// Takes tokens at `now`. A clock that was set back fills nothing and takes nothing away.
    pub(crate) fn take(&mut self, wanted: Wanted, rate: Rate, now: Timestamp) -> Taken {
        let full = i128::from(rate.burst) * PARTS;
        let per_second = i128::from(rate.per_second.max(1));
        let passed = (i128::from(now.micros()) - i128::from(self.filled.micros())).max(0);
        self.parts = self.parts.saturating_add(passed * per_second).min(full);
        self.filled = now;
        let least = i128::from(wanted.least) * PARTS;
        let missing = least.min(full) - self.parts;
        if missing > 0 {
            let micros = (missing + per_second - 1) / per_second;
            return Taken::Wait(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)));
        }
        let there = u32::try_from(self.parts / PARTS).unwrap_or(u32::MAX);
        let given = there.min(wanted.most).max(wanted.least);
        self.parts -= i128::from(given) * PARTS;
        Taken::Given(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Moments that pass between calls, microseconds, and what is wanted.
    fn calls() -> impl Strategy<Value = Vec<(u64, u32, u32)>> {
        prop::collection::vec((0..3_000_000_u64, 0..200_u32, 0..200_u32), 1..60)
    }

    fn rate() -> impl Strategy<Value = Rate> {
        (1..1_000_u32, 1..100_u32).prop_map(|(per_second, burst)| Rate { per_second, burst })
    }

    proptest! {
        #[test]
        fn no_more_is_given_than_a_full_bucket_and_what_time_earned(rate in rate(), calls in calls()) {
            let start = Timestamp::from_micros(1_000);
            let (mut bucket, mut now) = (Bucket::full(rate, start), start);
            let mut given = 0_i128;
            for (pause, least, more) in calls {
                now = now.plus(Duration::from_micros(pause));
                let wanted = Wanted { least, most: least.saturating_add(more) };
                if let Taken::Given(tokens) = bucket.take(wanted, rate, now) {
                    prop_assert!((wanted.least..=wanted.most).contains(&tokens));
                    given += i128::from(tokens);
                    let owed = i128::from(least.saturating_sub(rate.burst));
                    let earned = i128::from(now.since(start).as_micros() as u64)
                        * i128::from(rate.per_second);
                    let bound = (i128::from(rate.burst) + owed) * PARTS + earned;
                    prop_assert!(given * PARTS <= bound, "{given} given");
                }
            }
        }

        #[test]
        fn what_is_told_to_wait_fits_after_the_wait_and_not_before(rate in rate(), calls in calls()) {
            let mut now = Timestamp::from_micros(1_000);
            let mut bucket = Bucket::full(rate, now);
            for (pause, least, _) in calls {
                now = now.plus(Duration::from_micros(pause));
                let wanted = Wanted { least, most: least };
                let Taken::Wait(wait) = bucket.take(wanted, rate, now) else { continue };
                let early = now.plus(wait).minus(Duration::from_micros(1));
                let (mut before, mut then) = (bucket, bucket);
                prop_assert_eq!(then.take(wanted, rate, now.plus(wait)), Taken::Given(least));
                prop_assert!(matches!(before.take(wanted, rate, early), Taken::Wait(_)));
            }
        }

        #[test]
        fn a_clock_set_back_gives_nothing_away(rate in rate(), back in 1..10_000_000_u64) {
            let now = Timestamp::from_micros(20_000_000);
            let mut bucket = Bucket::full(rate, now);
            let all = Wanted { least: rate.burst, most: rate.burst };
            prop_assert_eq!(bucket.take(all, rate, now), Taken::Given(rate.burst));
            let one = Wanted { least: 1, most: 1 };
            let earlier = now.minus(Duration::from_micros(back));
            prop_assert!(matches!(bucket.take(one, rate, earlier), Taken::Wait(_)));
        }
    }
}
