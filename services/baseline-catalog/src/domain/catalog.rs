//! A workspace's catalog, derived from its changes: what held when, and what a change would
//! displace.

use std::collections::BTreeMap;

use kernel::{Dated, Timestamp};

use super::builtin;
use super::{
    BaselineKey, BaselineValue, BuiltIn, Change, RateTarget, RateValue, Recorded, TaskKey, Value,
    Version,
};

/// Every version of every value of one workspace, the built-ins behind them.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    baselines: BTreeMap<BaselineKey, Dated<Recorded<BaselineValue>>>,
    rates: BTreeMap<RateTarget, Dated<Recorded<RateValue>>>,
}

/// The version that a new one puts out of force, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Displaced {
    pub(crate) version_id: String,
    pub(crate) start: Timestamp,
    /// When an already known later version takes over; `None`: never.
    pub(crate) end: Option<Timestamp>,
}

impl Catalog {
    /// From changes in the order of the log: of two versions effective at the same moment the later
    /// one holds.
    pub(crate) fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        let mut catalog = Self::default();
        for Change { version, value, .. } in changes {
            let effective = version.effective;
            match value {
                Value::Baseline(value) => {
                    let history = catalog.baselines.entry(value.key.clone()).or_default();
                    history.push(effective, Recorded { value, version });
                }
                Value::HourlyRate(value) => {
                    let history = catalog.rates.entry(value.target.clone()).or_default();
                    history.push(effective, Recorded { value, version });
                }
            }
        }
        catalog
    }

    /// What holds for `key` at `at`: the workspace's own value, the most specific first, else the
    /// built-in.
    pub(crate) fn baseline(
        &self,
        key: &BaselineKey,
        at: Timestamp,
    ) -> Option<Recorded<BaselineValue>> {
        key.candidates()
            .iter()
            .find_map(|candidate| self.own_baseline(candidate, at).cloned())
            .or_else(|| BuiltIn::find(&key.task_type).map(BuiltIn::baseline))
    }

    /// What holds at `at` for a task type: the general baseline, then each language and channel of
    /// its own.
    pub(crate) fn baselines(
        &self,
        task_type: &TaskKey,
        at: Timestamp,
    ) -> Vec<Recorded<BaselineValue>> {
        let general = BaselineKey::general(task_type.clone());
        let specific =
            self.baselines.keys().filter(|key| key.task_type == *task_type && **key != general);
        let specific = specific.filter_map(|key| self.own_baseline(key, at).cloned());
        self.baseline(&general, at).into_iter().chain(specific).collect()
    }

    /// Every version of a baseline, the newest recorded first, the built-in last.
    pub(crate) fn baseline_history(
        &self,
        key: &BaselineKey,
        with: Dimensions,
    ) -> Vec<Recorded<BaselineValue>> {
        let wanted = |other: &BaselineKey| match with {
            Dimensions::Exactly => other == key,
            Dimensions::AndMoreSpecific => other.narrows(key),
        };
        let own = self.baselines.iter().filter(|(other, _)| wanted(other)).map(|(_, dated)| dated);
        let mut history = newest_first(own);
        if key.language.is_none() && key.channel.is_none() {
            history.extend(BuiltIn::find(&key.task_type).map(BuiltIn::baseline));
        }
        history
    }

    /// The rates that hold at `at`, the general first. The built-in stands in where the workspace
    /// has no default.
    pub(crate) fn rates(&self, at: Timestamp) -> Vec<Recorded<RateValue>> {
        let in_force = |history: &Dated<Recorded<RateValue>>| {
            history.at(at).filter(|recorded| recorded.value.rate.is_some()).cloned()
        };
        let mut rates: Vec<_> = self.rates.values().filter_map(in_force).collect();
        if rates.first().is_none_or(|first| first.value.target != RateTarget::Workspace) {
            rates.push(builtin::default_rate());
        }
        rates
    }

    /// Every version of every rate, the newest recorded first, the built-in last.
    pub(crate) fn rate_history(&self) -> Vec<Recorded<RateValue>> {
        let mut history = newest_first(self.rates.values());
        history.push(builtin::default_rate());
        history
    }

    /// What `version` of `value` puts out of force among the versions recorded before it. At most
    /// one: between two effective moments only one version holds.
    pub(crate) fn displaced(&self, value: &Value, version: &Version) -> Option<Displaced> {
        match value {
            Value::Baseline(baseline) => displaced_in(self.baselines.get(&baseline.key)?, version),
            Value::HourlyRate(rate) => displaced_in(self.rates.get(&rate.target)?, version),
        }
    }

    fn own_baseline(&self, key: &BaselineKey, at: Timestamp) -> Option<&Recorded<BaselineValue>> {
        let recorded = self.baselines.get(key)?.at(at)?;
        recorded.value.effort.is_some().then_some(recorded)
    }
}

/// Whether a history takes in the versions of more specific keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dimensions {
    Exactly,
    AndMoreSpecific,
}

impl BaselineKey {
    /// Whether this key is `general` or one of its special cases.
    fn narrows(&self, general: &Self) -> bool {
        let agrees = |mine: &Option<_>, theirs: &Option<_>| theirs.is_none() || mine == theirs;
        self.task_type == general.task_type
            && agrees(&self.language, &general.language)
            && agrees(&self.channel, &general.channel)
    }
}

fn newest_first<'a, T: Clone + 'a>(
    histories: impl Iterator<Item = &'a Dated<Recorded<T>>>,
) -> Vec<Recorded<T>> {
    let mut all: Vec<Recorded<T>> =
        histories.flat_map(|dated| dated.iter().map(|(_, recorded)| recorded.clone())).collect();
    // Ids of one workspace are positions of one partition: their text sorts as their seq.
    all.sort_by(|a, b| b.version.id.cmp(&a.version.id));
    all
}

fn displaced_in<T>(history: &Dated<Recorded<T>>, version: &Version) -> Option<Displaced> {
    let mut before = Dated::new();
    for (effective, recorded) in history.iter().filter(|(_, r)| r.version.number < version.number) {
        before.push(*effective, recorded.version.id.clone());
    }
    let start = version.effective;
    let end = before.iter().map(|(effective, _)| *effective).find(|effective| *effective > start);
    before.at(start).map(|id| Displaced { version_id: id.clone(), start, end })
}

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;
