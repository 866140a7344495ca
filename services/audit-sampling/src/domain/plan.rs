//! Which events are drawn from, and with what probability.

use kernel::Malformed;

/// A chance in millionths, never zero: a sample that could not have been drawn has no weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Probability(u32);

impl Probability {
    pub(crate) const ONE: Self = Self(1_000_000);

    pub(crate) fn new(millionths: u32) -> Result<Self, Malformed> {
        if (1..=Self::ONE.0).contains(&millionths) {
            Ok(Self(millionths))
        } else {
            Err(Malformed::new(
                "a probability of 1 to 1,000,000 millionths",
                &millionths.to_string(),
            ))
        }
    }

    pub(crate) const fn millionths(self) -> u32 {
        self.0
    }
}

/// A sampling plan, as far as drawing needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) version: i64,
    pub(crate) rate: Probability,
}

/// What every workspace has from the start: 5 % of every completed task (METRICS 42). Without floor
/// and cap, which need to know a stratum's size: they come with plans of a workspace's own.
pub(crate) const DEFAULT_PLAN: Plan =
    Plan { id: "default", name: "Every completed task", version: 1, rate: Probability(50_000) };
