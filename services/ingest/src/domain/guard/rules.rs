//! The rules an intent sets, and those that hold without one (METRICS 55 and 56).

use std::time::Duration;

use super::{Risk, Tier};

/// How often a call may be repeated on one ticket and stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Retries after a first attempt.
    pub(crate) retries_max: u32,
    /// Identical calls when the last result was final, or is not known.
    pub(crate) identical_calls_max: u32,
    /// Identical calls when the last result said to try again.
    pub(crate) identical_retryable_calls_max: u32,
    /// Tools that are called to see whether something changed.
    pub(crate) polling_tools: Vec<String>,
    /// How long a call is remembered.
    pub(crate) memory: Duration,
}

/// Without an intent that says otherwise.
static DEFAULT: Limits = Limits {
    retries_max: 2,
    identical_calls_max: 1,
    identical_retryable_calls_max: 2,
    polling_tools: Vec::new(),
    memory: Duration::from_secs(86_400),
};

impl Default for Limits {
    fn default() -> Self {
        DEFAULT.clone()
    }
}

/// How the last identical call of a tool ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastResult {
    /// Asking again gives the same.
    Final,
    /// It may pass.
    Retryable,
}

impl Limits {
    /// The first attempt and its retries.
    pub(crate) fn attempts_max(&self) -> u32 {
        self.retries_max.saturating_add(1)
    }

    pub(crate) fn polls(&self, tool: &str) -> bool {
        self.polling_tools.iter().any(|polling| polling == tool)
    }

    /// Identical calls after `last`. A call whose result nobody reported counts as final: two callers at
    /// once must not both be let through because neither has an answer yet.
    pub(crate) fn identical(&self, last: Option<LastResult>) -> u32 {
        let limit = match last {
            Some(LastResult::Retryable) => self.identical_retryable_calls_max,
            Some(LastResult::Final) | None => self.identical_calls_max,
        };
        limit.max(1)
    }
}

/// What the catalog says of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IntentRules {
    pub(crate) risk: Risk,
    /// In rising order; empty: any.
    pub(crate) allowed_tiers: Vec<Tier>,
    pub(crate) limits: Limits,
}

/// The intent a call is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Intent {
    /// The caller does not know it yet.
    Unnamed,
    /// The caller names one that the catalog does not know, or has archived.
    Unknown,
    Known(IntentRules),
}

impl Intent {
    pub(crate) fn limits(&self) -> &Limits {
        match self {
            Self::Known(rules) => &rules.limits,
            Self::Unnamed | Self::Unknown => &DEFAULT,
        }
    }

    /// In rising order; empty: any.
    pub(crate) fn allowed_tiers(&self) -> &[Tier] {
        match self {
            Self::Known(rules) => &rules.allowed_tiers,
            Self::Unnamed | Self::Unknown => &[],
        }
    }
}
