//! What the catalog says now: what restated reports are computed with.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Cell, Dimensions, Rate};

/// What the baseline that an event brought itself is called.
pub(crate) const OWN: &str = "request";

/// A task type in a language and a channel, as events name them: what a baseline is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Work {
    pub(crate) task_type: String,
    pub(crate) language: String,
    pub(crate) channel: String,
}

/// How long it takes a human.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Baseline {
    pub(crate) ms: i64,
    pub(crate) version: String,
}

/// What an hour of that costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HourlyRate {
    pub(crate) rate: Rate,
    pub(crate) version: String,
}

/// What of a savings policy decides about credit besides its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) subtract_agent_duration: bool,
    /// What CREDITED gives a needs_review whose editing is unknown, 0 to 100.
    pub(crate) review_percent: i64,
    pub(crate) version: String,
}

/// The versions in force now, of what was looked up. Ordered, so that equal ones are written alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Today {
    pub(crate) rules: Rules,
    /// Of every agent without its own.
    pub(crate) rate: HourlyRate,
    pub(crate) agents: BTreeMap<String, HourlyRate>,
    /// `None`: the catalog has none.
    pub(crate) baselines: BTreeMap<Work, Option<Baseline>>,
    /// What an earlier version of a baseline said, milliseconds; `None` where nobody knows any more. Told
    /// only to find out what a change comes from.
    pub(crate) earlier: BTreeMap<(Work, String), Option<i64>>,
}

impl Work {
    pub(crate) fn of(dimensions: &Dimensions) -> Self {
        Self {
            task_type: dimensions.task_type.clone(),
            language: dimensions.language.clone(),
            channel: dimensions.channel.clone(),
        }
    }
}

impl Today {
    pub(crate) fn baseline(&self, of: &Work) -> Option<&Baseline> {
        self.baselines.get(of)?.as_ref()
    }

    pub(crate) fn rate(&self, agent: &str) -> &HourlyRate {
        self.agents.get(agent).unwrap_or(&self.rate)
    }

    pub(crate) fn earlier_ms(&self, of: Work, version: &str) -> Option<i64> {
        self.earlier.get(&(of, version.to_owned())).copied().flatten()
    }
}

/// What must be looked up to restate these, each with the version of its baseline that was recorded.
pub(crate) fn works<'c>(cells: impl Iterator<Item = &'c Cell>) -> BTreeSet<(Work, String)> {
    let work = |cell: &Cell| (Work::of(&cell.dimensions), cell.dimensions.baseline_version.clone());
    cells.map(work).collect()
}
