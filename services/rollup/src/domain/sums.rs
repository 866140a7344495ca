//! Sparse sums: signed counts by key, in the order of the keys, zeros left out. Cells hold thousands of
//! them, which are read and merged far more often than a single one is raised.

use std::cmp::Ordering;

/// What each key adds up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sums<K>(Vec<(K, i64)>);

impl<K> Default for Sums<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord + Copy> Sums<K> {
    /// Keys that ascend and counts that are not zero, as they are stored. `None` where they are not.
    pub(crate) fn sorted(sums: Vec<(K, i64)>) -> Option<Self> {
        let ascend = sums.windows(2).all(|pair| pair[0].0 < pair[1].0);
        (ascend && sums.iter().all(|(_, count)| *count != 0)).then_some(Self(sums))
    }

    pub(crate) fn add(&mut self, key: K, count: i64) {
        // Most keys come in their order.
        let end = self.0.last().is_none_or(|(last, _)| *last < key);
        let place =
            if end { Err(self.0.len()) } else { self.0.binary_search_by_key(&key, |sum| sum.0) };
        match place {
            Ok(at) => {
                self.0[at].1 += count;
                if self.0[at].1 == 0 {
                    self.0.remove(at);
                }
            }
            Err(at) if count != 0 => self.0.insert(at, (key, count)),
            Err(_) => {}
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.0.is_empty() {
            return;
        }
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
            return;
        }
        // As most full cells have it.
        if let [(key, count)] = other.0[..] {
            self.add(key, count);
            return;
        }
        let mut merged = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut mine, mut theirs) = (self.0.as_slice(), other.0.as_slice());
        while let ([a, rest_of_mine @ ..], [b, rest_of_theirs @ ..]) = (mine, theirs) {
            match a.0.cmp(&b.0) {
                Ordering::Less => {
                    merged.push(*a);
                    mine = rest_of_mine;
                }
                Ordering::Greater => {
                    merged.push(*b);
                    theirs = rest_of_theirs;
                }
                Ordering::Equal => {
                    if a.1 + b.1 != 0 {
                        merged.push((a.0, a.1 + b.1));
                    }
                    (mine, theirs) = (rest_of_mine, rest_of_theirs);
                }
            }
        }
        merged.extend_from_slice(mine);
        merged.extend_from_slice(theirs);
        self.0 = merged;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By key.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (K, i64)> + '_ {
        self.0.iter().copied()
    }
}

impl<K: Ord + Copy> FromIterator<(K, i64)> for Sums<K> {
    /// In any order, a key as often as it likes.
    fn from_iter<I: IntoIterator<Item = (K, i64)>>(counts: I) -> Self {
        let mut counts: Vec<(K, i64)> = counts.into_iter().collect();
        // Most come nearly in order, of which a stable sort makes use.
        counts.sort_by_key(|(key, _)| *key);
        counts.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        counts.retain(|(_, count)| *count != 0);
        Self(counts)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_the_same_added_merged_or_collected(
            counts in prop::collection::vec((0u32..40, -2i64..3), 0..80),
            at in 0usize..80,
        ) {
            let mut added = Sums::default();
            for &(key, count) in &counts {
                added.add(key, count);
            }
            let (left, right) = counts.split_at(at.min(counts.len()));
            let mut merged: Sums<u32> = right.iter().copied().collect();
            merged.merge(&left.iter().copied().collect());
            prop_assert_eq!(&merged, &added);
            prop_assert_eq!(&counts.iter().copied().collect::<Sums<u32>>(), &added);
            let stored: Vec<_> = added.iter().collect();
            prop_assert_eq!(Sums::sorted(stored).unwrap(), added);
        }
    }

    #[test]
    fn what_does_not_ascend_or_is_zero_was_not_stored_by_us() {
        assert_eq!(Sums::sorted(vec![(2, 1), (2, 1)]), None);
        assert_eq!(Sums::sorted(vec![(1, 0)]), None);
    }
}
