//! How long agents took: counts by length, so that any cells add up to a median.
//!
//! Lengths share a bucket with those within 1/64 of them and are answered by its middle: at most 0.8 % off.
//! Integers throughout: what was added can be taken away, and every machine sorts a length alike.

use crate::domain::sums::Sums;
use crate::domain::varint;

/// Buckets that an octave is cut into.
const STEPS: u64 = 64;

/// A mergeable sketch of milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Durations(Sums<u16>);

/// Many sketches added up: a place for each bucket. Merging one sorted list into another for every block of a
/// window took a sixth of an overview.
#[derive(Debug, Clone, Default)]
pub(crate) struct DurationSums(Vec<i64>);

/// Stored bytes that are no sketch.
#[derive(Debug, thiserror::Error)]
#[error("not a sketch of durations")]
pub(crate) struct BadDurations;

impl Durations {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many lengths were added.
    pub(crate) fn count(&self) -> i64 {
        self.iter().map(|(_, events)| events.max(0)).sum()
    }

    /// The length that `percent` of them do not exceed. `None` where there are none.
    pub(crate) fn quantile(&self, percent: i64) -> Option<i64> {
        let rank = (self.count() * percent + 99) / 100;
        let mut below = 0;
        self.iter().filter(|(_, events)| *events > 0).find_map(|(bucket, events)| {
            below += events;
            (below >= rank).then(|| middle(bucket))
        })
    }

    /// Buckets and counts, by bucket.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, i64)> + '_ {
        self.0.iter()
    }

    /// Behind what is in `bytes` already.
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        let mut last = 0;
        for (bucket, events) in self.iter() {
            varint::put(bytes, u64::from(bucket - last));
            varint::put_signed(bytes, events);
            last = bucket;
        }
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, BadDurations> {
        let sums = stored(bytes).collect::<Result<Vec<_>, _>>()?;
        Sums::sorted(sums).map(Self).ok_or(BadDurations)
    }
}

impl DurationSums {
    /// Adds what [`Durations::put`] wrote.
    pub(crate) fn take_in(&mut self, bytes: &[u8]) -> Result<(), BadDurations> {
        for sum in stored(bytes) {
            let (bucket, events) = sum?;
            self.add(bucket, events)?;
        }
        Ok(())
    }

    pub(crate) fn merge(&mut self, sketch: &Durations) -> Result<(), BadDurations> {
        sketch.iter().try_for_each(|(bucket, events)| self.add(bucket, events))
    }

    pub(crate) fn finish(self) -> Durations {
        Durations((0u16..).zip(self.0).collect())
    }

    fn add(&mut self, bucket: u16, events: i64) -> Result<(), BadDurations> {
        let at = usize::from(bucket);
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] = self.0[at].checked_add(events).ok_or(BadDurations)?;
        Ok(())
    }
}

/// Buckets and counts as they were put.
fn stored(mut bytes: &[u8]) -> impl Iterator<Item = Result<(u16, i64), BadDurations>> {
    let mut last = 0u16;
    std::iter::from_fn(move || {
        (!bytes.is_empty()).then(|| {
            let step = varint::take(&mut bytes).and_then(|step| u16::try_from(step).ok());
            last = step.and_then(|step| last.checked_add(step)).ok_or(BadDurations)?;
            Ok((last, varint::take_signed(&mut bytes).ok_or(BadDurations)?))
        })
    })
}

impl FromIterator<(i64, i64)> for Durations {
    /// Lengths and how many there are of each; a negative number takes them away.
    fn from_iter<I: IntoIterator<Item = (i64, i64)>>(lengths: I) -> Self {
        Self(lengths.into_iter().map(|(ms, events)| (bucket(ms), events)).collect())
    }
}

/// Exact below 128; above, the seven leading bits.
fn bucket(ms: i64) -> u16 {
    let ms = ms.clamp(0, 86_400_000).unsigned_abs();
    let shift = ms.checked_ilog2().unwrap_or(0).saturating_sub(STEPS.ilog2());
    u16::try_from(u64::from(shift) * STEPS + (ms >> shift)).unwrap_or(u16::MAX)
}

fn middle(bucket: u16) -> i64 {
    let bucket = i64::from(bucket);
    let steps = STEPS as i64;
    if bucket < 2 * steps {
        return bucket;
    }
    let shift = bucket / steps - 1;
    ((bucket % steps + steps) << shift) + (1 << (shift - 1))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_durations_have_no_median() {
        assert_eq!(Durations::default().quantile(50), None);
    }

    proptest! {
        #[test]
        fn a_length_is_answered_within_one_percent(ms in 0i64..=86_400_000) {
            let answered = middle(bucket(ms));
            prop_assert!((answered - ms).abs() * 100 <= ms, "{ms} became {answered}");
        }

        #[test]
        fn a_quantile_lies_within_one_percent_of_the_true_one(
            mut lengths in prop::collection::vec(0i64..10_000_000, 1..200),
            percent in prop::sample::select(vec![50i64, 90]),
        ) {
            let sketch: Durations = lengths.iter().map(|&ms| (ms, 1)).collect();
            lengths.sort_unstable();
            let rank = (lengths.len() as i64 * percent + 99) / 100;
            let exact = lengths[rank as usize - 1];
            let answered = sketch.quantile(percent).unwrap();
            prop_assert!((answered - exact).abs() * 100 <= exact, "{exact} became {answered}");
        }

        #[test]
        fn what_was_added_can_be_taken_away(
            kept in prop::collection::vec(0i64..1_000_000, 0..30),
            gone in prop::collection::vec(0i64..1_000_000, 0..30),
        ) {
            let of = |lengths: &[i64], events| {
                lengths.iter().map(|&ms| (ms, events)).collect::<Durations>()
            };
            let mut sketch = of(&gone, -1);
            sketch.merge(&of(&kept, 1));
            sketch.merge(&of(&gone, 1));
            prop_assert_eq!(&sketch, &of(&kept, 1));
            let mut bytes = Vec::new();
            sketch.put(&mut bytes);
            prop_assert_eq!(Durations::from_bytes(&bytes).unwrap(), sketch.clone());
            let mut sums = DurationSums::default();
            sums.merge(&of(&gone, 1)).unwrap();
            sums.take_in(&bytes).unwrap();
            sums.merge(&of(&gone, -1)).unwrap();
            prop_assert_eq!(sums.finish(), sketch);
        }
    }
}
