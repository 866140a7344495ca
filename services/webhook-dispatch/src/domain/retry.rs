//! When a failed attempt is tried again: the schedule Standard Webhooks recommends, about 75 hours long.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// A subscriber may ask for patience, not for silence: `Retry-After` counts up to this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * HOUR);

/// Delays are spread by a tenth either way, so that an outage does not end in a stampede.
const JITTER: f64 = 0.1;

/// The delays between attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPlan(Vec<Duration>);

impl RetryPlan {
    /// 5 s, 5 min, 30 min, then 2, 5, 10, 14, 20 and 24 hours: ten attempts in all.
    pub fn standard() -> Self {
        let seconds = [
            5,
            5 * MINUTE,
            30 * MINUTE,
            2 * HOUR,
            5 * HOUR,
            10 * HOUR,
            14 * HOUR,
            20 * HOUR,
            24 * HOUR,
        ];
        Self(seconds.map(Duration::from_secs).to_vec())
    }

    /// How long to wait after `attempts` failed ones, or `None` when it is time to give up. `spread` is
    /// drawn evenly from 0 to 1.
    pub fn delay(
        &self,
        attempts: u32,
        retry_after: Option<Duration>,
        spread: f64,
    ) -> Option<Duration> {
        let index = usize::try_from(attempts.checked_sub(1)?).ok()?;
        let planned =
            self.0.get(index)?.mul_f64(1.0 - JITTER + 2.0 * JITTER * spread.clamp(0.0, 1.0));
        Some(planned.max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX)))
    }

    /// How many attempts there are, the first included.
    pub fn attempts(&self) -> usize {
        self.0.len() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_schedule_is_that_of_standard_webhooks() {
        let plan = RetryPlan::standard();
        let planned: Vec<u64> = (1..=9)
            .filter_map(|n| plan.delay(n, None, 0.5))
            .map(|d| d.as_secs_f64().round() as u64)
            .collect();
        assert_eq!(planned, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!(planned.iter().sum::<u64>(), 75 * HOUR + 35 * MINUTE + 5);
        assert_eq!(plan.delay(10, None, 0.5), None);
        assert_eq!(plan.attempts(), 10);
    }

    #[test]
    fn a_subscriber_can_ask_for_more_time_up_to_a_day() {
        let plan = RetryPlan::standard();
        let minute = Duration::from_secs(60);
        assert_eq!(plan.delay(1, Some(minute), 0.5), Some(minute));
        assert!(plan.delay(2, Some(minute), 0.5) > Some(minute), "never less than planned");
        let year = Duration::from_secs(365 * 24 * HOUR);
        assert_eq!(plan.delay(1, Some(year), 0.5), Some(RETRY_AFTER_MAX));
        assert_eq!(plan.delay(10, Some(minute), 0.5), None, "asking does not add attempts");
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_tenth(attempts in 1u32..10, spread in 0.0f64..1.0) {
            let plan = RetryPlan::standard();
            let middle = plan.0[attempts as usize - 1].as_secs_f64();
            let drawn = plan.delay(attempts, None, spread).map_or(0.0, |d| d.as_secs_f64());
            prop_assert!((drawn / middle - 1.0).abs() <= JITTER + 1e-6);
        }
    }
}
