//! What an hour of human work costs.

use std::fmt;

use kernel::{Currency, Malformed};

use super::Name;

/// A price for one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    micros_per_hour: i64,
    currency: Currency,
}

impl Rate {
    const MICROS_MAX: i64 = 1_000_000_000_000;

    pub(crate) fn new(micros_per_hour: i64, currency: Currency) -> Result<Self, Malformed> {
        if (0..=Self::MICROS_MAX).contains(&micros_per_hour) {
            Ok(Self { micros_per_hour, currency })
        } else {
            Err(Malformed::new(
                "a rate of 0 to 1,000,000,000,000 millionths an hour (EUR 85 is 85000000)",
                &micros_per_hour.to_string(),
            ))
        }
    }

    /// For the built-in default.
    pub(crate) const fn euros(euros: i64) -> Self {
        Self { micros_per_hour: euros * 1_000_000, currency: Currency::EUR }
    }

    pub(crate) const fn micros_per_hour(self) -> i64 {
        self.micros_per_hour
    }

    pub(crate) const fn currency(self) -> Currency {
        self.currency
    }
}

/// Whose hour it is, from the general to the specific: the order they are listed in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RateTarget {
    /// Everybody's in the workspace.
    Workspace,
    /// A team's.
    Team(Name),
    /// An agent's.
    Agent(Name),
}

/// What the change log files its versions under.
impl fmt::Display for RateTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace => f.write_str("workspace"),
            Self::Team(name) => write!(f, "team:{}", name.as_str()),
            Self::Agent(name) => write!(f, "agent:{}", name.as_str()),
        }
    }
}

/// One value of an hourly rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RateValue {
    pub(crate) target: RateTarget,
    /// `None` withdraws: the next less specific rate holds.
    pub(crate) rate: Option<Rate>,
}
