//! A closed loop: so many callers, each with one call in flight, for so long.

use std::time::Duration;

use chassis::SystemClock;
use kernel::Clock as _;
use tokio::task::JoinSet;

use crate::failure::Failure;

/// Of every measurement this part passes before counting begins: connections open, caches fill.
const WARM_UP: f64 = 0.2;

/// How much is asked at once, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) callers: usize,
    pub(crate) time: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    /// Microseconds of every counted call, sorted.
    took_us: Vec<u64>,
    counted: Duration,
}

impl Load {
    /// How long calls are made, the warm-up included.
    pub(crate) fn whole(self) -> Duration {
        self.time.mul_f64(1.0 + WARM_UP)
    }

    /// Lets every caller call until the time is over. `call` is given the caller's number and how many
    /// calls it has made; the first error ends the measurement.
    pub(crate) async fn drive<C, F>(self, call: C) -> Result<Sample, Failure>
    where
        C: Fn(usize, u64) -> F + Clone + Send + 'static,
        F: Future<Output = Result<(), Failure>> + Send,
    {
        let count_from = SystemClock.now().plus(self.time.mul_f64(WARM_UP));
        let end = count_from.plus(self.time);
        let mut callers = JoinSet::new();
        for caller in 0..self.callers {
            let call = call.clone();
            callers.spawn(async move {
                let mut took_us = Vec::new();
                let mut nth = 0;
                loop {
                    let sent = SystemClock.now();
                    if sent >= end {
                        return Ok::<_, Failure>(took_us);
                    }
                    call(caller, nth).await?;
                    nth += 1;
                    let answered = SystemClock.now();
                    if (count_from..end).contains(&answered) {
                        let took = answered.since(sent).as_micros();
                        took_us.push(u64::try_from(took).unwrap_or(u64::MAX));
                    }
                }
            });
        }
        let mut took_us = Vec::new();
        while let Some(caller) = callers.join_next().await {
            let caller = caller.map_err(|e| Failure::Other(format!("a caller ended: {e}")))?;
            took_us.append(&mut caller?);
        }
        Ok(Sample::new(took_us, self.time))
    }
}

impl Sample {
    /// Of calls that took so many microseconds each, made within `counted`.
    pub(crate) fn new(mut took_us: Vec<u64>, counted: Duration) -> Self {
        took_us.sort_unstable();
        Self { took_us, counted }
    }

    /// Takes in what was measured later.
    pub(crate) fn add(&mut self, later: Self) {
        self.took_us.extend(later.took_us);
        self.took_us.sort_unstable();
        self.counted += later.counted;
    }

    /// How many calls were counted.
    pub(crate) fn calls(&self) -> usize {
        self.took_us.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.took_us.is_empty()
    }

    /// Calls in a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.took_us.len() as f64 / self.counted.as_secs_f64()
    }

    /// Microseconds within which this share of the calls, 0 to 1, was answered.
    pub(crate) fn quantile_us(&self, share: f64) -> u64 {
        quantile(&self.took_us, share)
    }
}

/// Of a sorted list, by nearest rank; 0 of an empty one.
pub(super) fn quantile(sorted: &[u64], share: f64) -> u64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_values_there_are() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!([0.5, 0.99, 1.0].map(|share| quantile(&values, share)), [50, 99, 100]);
        assert_eq!(quantile(&[7], 0.5), 7);
        assert_eq!(quantile(&[], 0.99), 0);
    }
}
