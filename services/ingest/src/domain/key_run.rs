//! Dedupe keys of a stretch of a partition, sorted and cut into blocks, and what is kept in mind of them.
//!
//! A run takes 12 bytes a key where it is stored, and 12 bits in memory: a Bloom filter, which says 997
//! times in 1,000 that a new key is not in it, and the first key of each block, which says where it would be.

use fastbloom::BloomFilter;

use super::Fingerprint;

/// Bits of the filter a key: in each run one new key in 300 is looked up in vain.
const FILTER_BITS: usize = 12;
/// The first half of the key, and how far before the end of the run it was used.
const BYTES: usize = 8 + 4;

/// How large runs and their blocks are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Entries of the ledger that are worth a run.
    pub(crate) run: i64,
    /// Runs of about one size that become one of the next.
    pub(crate) merged: usize,
    /// Times that a run grows like this. A merge is part of an append: the largest takes one about 50 ms.
    pub(crate) growths: u32,
    /// Keys of a block.
    pub(crate) block: usize,
}

impl Sizes {
    pub(crate) const USUAL: Self = Self { run: 4_096, merged: 8, growths: 2, block: 1_024 };

    /// Entries of a run that is merged no more.
    pub(crate) fn largest(self) -> i64 {
        (0..self.growths).fold(self.run, |size, _| self.next(size))
    }

    fn next(self, size: i64) -> i64 {
        size.saturating_mul(i64::try_from(self.merged).unwrap_or(i64::MAX))
    }

    /// How many of the last runs, each so many entries long, become one: never more than make one of the
    /// next size, however many there are.
    pub(crate) fn merging(self, lengths: &[i64]) -> usize {
        let mut merging = 1;
        let mut size = self.run;
        for _ in 0..self.growths {
            size = self.next(size);
            let small = lengths.iter().rev().take_while(|length| **length < size).count();
            // Those that become one of this size count as one.
            let enough = merging + self.merged - 1;
            if small < enough {
                break;
            }
            merging = enough;
        }
        merging
    }
}

/// Where a key was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    /// The first half of the key. Whether the other half is the same, the entry tells.
    prefix: u64,
    pub(crate) seq: i64,
}

impl Use {
    pub(crate) fn new(key: Fingerprint, seq: i64) -> Self {
        Self { prefix: key.prefix(), seq }
    }
}

/// What is kept in mind of a run.
pub(crate) struct Run {
    /// The last entry of its stretch, which begins behind the run before.
    pub(crate) last: i64,
    /// The first prefix of each block, rising.
    fences: Vec<u64>,
    /// Of all prefixes.
    filter: BloomFilter,
}

impl Run {
    /// The run that ends with entry `last`, and its blocks. `None` where not all of `uses` are in a stretch
    /// that ends there.
    pub(crate) fn of(last: i64, mut uses: Vec<Use>, sizes: Sizes) -> Option<(Self, Vec<Vec<u8>>)> {
        if !uses.iter().all(|used| u32::try_from(last - used.seq).is_ok()) {
            return None;
        }
        // Most of it is runs that are sorted already, which this sort finds.
        uses.sort();
        let mut run = Self::empty(last, uses.len());
        let mut blocks = Vec::with_capacity(uses.len() / sizes.block + 1);
        let mut left = uses.as_slice();
        while let Some(first) = left.first() {
            let mut end = left.len().min(sizes.block);
            // All uses of a prefix are in one block.
            end +=
                left[end..].iter().take_while(|later| later.prefix == left[end - 1].prefix).count();
            let (block, rest) = left.split_at(end);
            run.fences.push(first.prefix);
            blocks.push(block.iter().flat_map(|used| encode(last, *used)).collect());
            left = rest;
        }
        for used in &uses {
            run.filter.insert_hash(used.prefix);
        }
        // One at least, so that it is known how far runs reach.
        blocks.resize_with(blocks.len().max(1), Vec::new);
        Some((run, blocks))
    }

    /// The run that these blocks are of, in order. `None` where they are not what [`Run::of`] made.
    pub(crate) fn read(last: i64, blocks: &[Vec<u8>]) -> Option<Self> {
        let bytes: usize = blocks.iter().map(Vec::len).sum();
        let mut run = Self::empty(last, bytes / BYTES);
        let mut before = None;
        for block in blocks {
            if block.is_empty() && blocks.len() > 1 {
                return None;
            }
            for (at, used) in uses(last, block)?.enumerate() {
                // No entry has two keys: in order, all differ.
                if before.replace(used) >= Some(used) {
                    return None;
                }
                if at == 0 {
                    run.fences.push(used.prefix);
                }
                run.filter.insert_hash(used.prefix);
            }
        }
        Some(run)
    }

    fn empty(last: i64, keys: usize) -> Self {
        let filter = BloomFilter::with_num_bits(keys.max(1) * FILTER_BITS);
        Self { last, fences: Vec::new(), filter: filter.expected_items(keys.max(1)) }
    }

    /// The number of the block that has `key`, if any has.
    pub(crate) fn block_of(&self, key: Fingerprint) -> Option<usize> {
        let prefix = key.prefix();
        if !self.filter.contains_hash(prefix) {
            return None;
        }
        self.fences.partition_point(|first| *first <= prefix).checked_sub(1)
    }
}

/// The uses in a block of the run that ends with `last`. `None` where it is not a block.
pub(crate) fn uses(last: i64, block: &[u8]) -> Option<impl Iterator<Item = Use>> {
    let (all, rest) = block.as_chunks::<BYTES>();
    rest.is_empty().then(|| all.iter().map(move |bytes| decode(last, bytes)))
}

/// The seqs at which `key` may have been used: those of its first half. `None` where it is not a block.
pub(crate) fn seqs_of(
    last: i64,
    block: &[u8],
    key: Fingerprint,
) -> Option<impl Iterator<Item = i64>> {
    let (all, rest) = block.as_chunks::<BYTES>();
    let prefix = key.prefix();
    let from = all.partition_point(|bytes| decode(last, bytes).prefix < prefix);
    let found = all[from..].iter().map(move |bytes| decode(last, bytes));
    rest.is_empty()
        .then(|| found.take_while(move |used| used.prefix == prefix).map(|used| used.seq))
}

fn encode(last: i64, used: Use) -> [u8; BYTES] {
    // `Run::of` refuses what is farther from the end.
    let back = (last - used.seq) as u32;
    let mut bytes = [0; BYTES];
    bytes[..8].copy_from_slice(&used.prefix.to_be_bytes());
    bytes[8..].copy_from_slice(&back.to_be_bytes());
    bytes
}

fn decode(last: i64, bytes: &[u8; BYTES]) -> Use {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
    let back = u32::from_be_bytes([i, j, k, l]);
    Use { prefix: u64::from_be_bytes([a, b, c, d, e, f, g, h]), seq: last - i64::from(back) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: Sizes = Sizes { run: 4, merged: 3, growths: 2, block: 3 };

    fn key(first: u64, second: u64) -> Fingerprint {
        let bytes = [first.to_be_bytes(), second.to_be_bytes()].concat();
        Fingerprint::from_row(&bytes).unwrap()
    }

    fn found(run: &Run, blocks: &[Vec<u8>], key: Fingerprint) -> Vec<i64> {
        let Some(number) = run.block_of(key) else { return Vec::new() };
        seqs_of(run.last, &blocks[number], key).unwrap().collect()
    }

    proptest! {
        #[test]
        fn every_key_is_found_where_it_was_used_and_no_other(
            firsts in prop::collection::vec(0_u64..40, 0..60),
            absent in 40_u64..80,
        ) {
            // Few first halves: many keys share theirs.
            let used = |at: usize, first: u64| Use::new(key(first, at as u64), 1_000 + at as i64);
            let all: Vec<Use> = firsts.iter().enumerate().map(|(at, first)| used(at, *first)).collect();
            let (made, blocks) = Run::of(1_100, all, SMALL).unwrap();
            for run in [&made, &Run::read(1_100, &blocks).unwrap()] {
                for (at, first) in firsts.iter().enumerate() {
                    prop_assert!(found(run, &blocks, key(*first, 0)).contains(&(1_000 + at as i64)));
                }
                prop_assert!(found(run, &blocks, key(absent, 0)).is_empty());
            }
            let stored: usize = blocks.iter().map(|block| uses(1_100, block).unwrap().count()).sum();
            prop_assert_eq!(stored, firsts.len());
        }

        #[test]
        fn runs_stay_few_and_merges_small(
            lengths in prop::collection::vec(4_i64..8, 1..300),
            // As of a ledger that was read when it was large already.
            large in prop::collection::vec(Just(SMALL.largest()), 0..40),
        ) {
            let mut runs = large;
            let (before, many) = (runs.iter().sum::<i64>(), runs.len() as i64);
            let mut written = 0;
            for length in &lengths {
                runs.push(*length);
                let merged = runs.split_off(runs.len() - SMALL.merging(&runs)).into_iter().sum();
                prop_assert!(merged < SMALL.next(SMALL.largest()), "{merged} in one append");
                written += merged;
                runs.push(merged);
            }
            let all: i64 = lengths.iter().sum();
            prop_assert_eq!(runs.iter().sum::<i64>(), before + all);
            // Of each size below the largest as many as do not make one of the next.
            prop_assert!(runs.len() as i64 <= many + 2 + 2 + all / 36 + 1, "{runs:?}");
            prop_assert!(written <= 3 * all, "each entry is written once in a size");
        }
    }

    #[test]
    fn a_stretch_without_keys_has_a_block_without_keys() {
        let (run, blocks) = Run::of(7, Vec::new(), SMALL).unwrap();
        assert_eq!(blocks, [Vec::<u8>::new()]);
        assert_eq!(run.block_of(key(0, 0)), None);
        assert_eq!(Run::read(7, &blocks).unwrap().last, 7);
    }

    #[test]
    fn what_is_no_block_is_not_read() {
        assert!(Run::read(7, &[vec![0; 13]]).is_none());
        assert!(Run::read(7, &[vec![0; 12], Vec::new()]).is_none());
        assert!(Run::read(7, &[vec![0; 24]]).is_none(), "zeros");
        let all = (1..=9).map(|n| Use::new(key(n, 0), 7)).collect();
        let (_, mut blocks) = Run::of(7, all, SMALL).unwrap();
        assert!(Run::read(7, &blocks).is_some());
        blocks.swap(0, 2);
        assert!(Run::read(7, &blocks).is_none(), "out of order");
        assert!(Run::of(7, vec![Use::new(key(0, 0), 8)], SMALL).is_none(), "it is behind the end");
        assert!(seqs_of(7, &[0; 11], key(0, 0)).is_none());
    }
}
