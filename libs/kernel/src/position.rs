//! Places in a partitioned log.

use std::fmt;
use std::str::FromStr;

use crate::{Malformed, base32};

/// How many partitions a ledger has, fixed when it is installed.
pub const PARTITIONS: i16 = 64;

const PREFIX: &str = "at_";
const SEQ_BITS: u32 = 56;

/// One of the [`PARTITIONS`]. A workspace lives wholly in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(i16);

impl Partition {
    /// 0 to 63.
    pub const fn new(number: i16) -> Option<Self> {
        if 0 <= number && number < PARTITIONS { Some(Self(number)) } else { None }
    }

    /// Its number.
    pub const fn get(self) -> i16 {
        self.0
    }

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..PARTITIONS).map(Self)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in a partition: seq 1 is its first entry, 0 is before it.
///
/// Its text is the freshness token callers pass on: opaque to them, checked when it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The partition.
    pub partition: Partition,
    /// The place in it.
    pub seq: i64,
}

impl Position {
    /// Both halves in 13 characters: the partition in the top 8 bits, seq in the other 56 (at a million
    /// events a second, 2,000 years).
    pub(crate) fn packed(self) -> String {
        let partition = u64::from(self.partition.get().unsigned_abs());
        base32::encode((partition << SEQ_BITS) | self.seq.unsigned_abs())
    }

    pub(crate) fn unpacked(text: &str) -> Option<Self> {
        let packed = base32::decode(text)?;
        let partition = Partition::new(i16::try_from(packed >> SEQ_BITS).ok()?)?;
        let seq = i64::try_from(packed & ((1 << SEQ_BITS) - 1)).ok()?;
        Some(Self { partition, seq })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.packed())
    }
}

impl FromStr for Position {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.strip_prefix(PREFIX)
            .and_then(Self::unpacked)
            .ok_or_else(|| Malformed::new("a freshness token as an earlier answer gave it", text))
    }
}
