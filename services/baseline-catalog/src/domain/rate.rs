//! What an hour of human work costs.

use std::fmt;

use kernel::{Currency, Malformed, decimal};

use super::Name;
use super::fields::Fields;
use super::node::{Entries, Node};
use super::wrong::{Problem, Why};

/// Digits behind the point of an amount: millionths.
const PLACES: usize = 6;

/// A price for one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    micros_per_hour: i64,
    currency: Currency,
}

impl Rate {
    /// May only grow: rows hold what it allowed.
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

impl RateTarget {
    /// The agent, where it is one's.
    pub(crate) fn agent(&self) -> Option<&str> {
        match self {
            Self::Agent(name) => Some(name.as_str()),
            Self::Workspace | Self::Team(_) => None,
        }
    }
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

impl RateValue {
    pub(super) fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let target = Self::read_target(f);
        let withdrawn = f.truth("withdrawn", false)?;
        if withdrawn {
            if !f.text("per_hour")?.is_empty() || !f.text("currency_code")?.is_empty() {
                let what = "is left out when the rate is withdrawn";
                f.refuse("per_hour", Problem::new(Why::Invalid, what));
                return None;
            }
            return Some(Self { target: target?, rate: None });
        }
        let expected = "an amount for one hour, such as 85 or 62.50";
        let micros = f.decimal("per_hour", PLACES, 0..=i64::MAX, expected);
        let currency = f.currency("currency_code");
        let (micros, currency) = (micros?, currency?);
        let rate = f.take("per_hour", |_| Rate::new(micros, currency))?;
        Some(Self { target: target?, rate: Some(rate) })
    }

    fn read_target(f: &mut Fields<'_, '_>) -> Option<RateTarget> {
        let agent = f.optional("agent_id", Name::new);
        let team = f.optional("team_id", Name::new);
        match (agent?, team?) {
            (None, None) => Some(RateTarget::Workspace),
            (Some(agent), None) => Some(RateTarget::Agent(agent)),
            (None, Some(team)) => Some(RateTarget::Team(team)),
            (Some(_), Some(_)) => {
                let what = "is empty when agent_id is set: a rate has one target";
                f.refuse("team_id", Problem::new(Why::Invalid, what));
                None
            }
        }
    }

    pub(super) fn write(&self) -> Node {
        let (agent, team) = match &self.target {
            RateTarget::Workspace => ("", ""),
            RateTarget::Team(name) => ("", name.as_str()),
            RateTarget::Agent(name) => (name.as_str(), ""),
        };
        let entries = Entries::default().text("agent_id", agent).text("team_id", team);
        match self.rate {
            Some(rate) => entries
                .text("per_hour", decimal::write(rate.micros_per_hour, PLACES))
                .text("currency_code", rate.currency)
                .node(),
            None => entries.flag("withdrawn", true).node(),
        }
    }
}
