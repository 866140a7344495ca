//! Human effort for one step.

use kernel::Malformed;

use super::{BaselineKey, Recorded};

/// Effort in milliseconds: at least one, at most the day ingest accepts for one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Effort(i64);

impl Effort {
    const MS_MAX: i64 = 24 * 60 * 60 * 1_000;

    pub(crate) fn from_ms(ms: i64) -> Result<Self, Malformed> {
        if (1..=Self::MS_MAX).contains(&ms) {
            Ok(Self(ms))
        } else {
            Err(Malformed::new("an effort of 1 to 86,400,000 milliseconds (24 h)", &ms.to_string()))
        }
    }

    /// For the built-in table, whose entries a test checks.
    pub(crate) const fn minutes(minutes: i64) -> Self {
        Self(minutes * 60 * 1_000)
    }

    pub(crate) const fn ms(self) -> i64 {
        self.0
    }
}

/// One value of a baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaselineValue {
    pub(crate) key: BaselineKey,
    /// `None` withdraws: the next in the order of resolution holds.
    pub(crate) effort: Option<Effort>,
    /// What the effort rests on; may be empty.
    pub(crate) citation: String,
}

/// Where a baseline stands in the order of resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The workspace's own value for a built-in.
    Override,
    /// What came with the product.
    BuiltIn,
}

impl Recorded<BaselineValue> {
    /// A workspace's own value always has a number.
    pub(crate) const fn source(&self) -> Source {
        if self.version.number == 0 { Source::BuiltIn } else { Source::Override }
    }
}
