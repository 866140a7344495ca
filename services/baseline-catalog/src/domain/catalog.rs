//! A workspace's catalog, derived from its changes: what held when, and what a change would
//! displace.

use kernel::Timestamp;

use super::book::{Book, Displaced, When};
use super::builtin::built_ins;
use super::names::Names;
use super::{
    BaselineKey, BaselineValue, Change, FxRate, Intent, Matching, ModelPrice, Policy, PriceKey,
    Problem, RateTarget, RateValue, Recorded, Reporting, Source, TaskKey, TaskType, Value, Version,
    Why,
};

/// Patterns a workspace may price models by: a hundred of the largest are 25 MB in every ingest.
const PATTERNS_MAX: usize = 100;

/// Every version of every value of one workspace, the built-ins behind them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    pub(super) task_types: Book<TaskType>,
    pub(super) names: Names,
    baselines: Book<BaselineValue>,
    rates: Book<RateValue>,
    policy: Book<Policy>,
    reporting: Book<Reporting>,
    intents: Book<Intent>,
    prices: Book<ModelPrice>,
    fx: Book<FxRate>,
}

impl Catalog {
    /// From changes in the order of the log.
    pub(crate) fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        let mut catalog = Self::default();
        for Change { version, value, .. } in changes {
            catalog.learn(value, version);
        }
        catalog
    }

    /// Changes come in the order of the log.
    pub(crate) fn learn(&mut self, value: Value, version: Version) {
        match value {
            Value::TaskType(value) => {
                self.names.learn(&value);
                self.task_types.learn(value, version);
            }
            Value::Baseline(value) => self.baselines.learn(value, version),
            Value::HourlyRate(value) => self.rates.learn(value, version),
            Value::Policy(value) => self.policy.learn(value, version),
            Value::Reporting(value) => self.reporting.learn(value, version),
            Value::Intent(value) => self.intents.learn(value, version),
            Value::ModelPrice(value) => self.prices.learn(value, version),
            Value::FxRate(value) => self.fx.learn(value, version),
        }
    }

    /// What holds for a canonical key: the workspace's own value, the most specific first, else the
    /// built-in.
    pub(crate) fn baseline(
        &self,
        key: &BaselineKey,
        when: When,
    ) -> Option<&Recorded<BaselineValue>> {
        let candidates = key.candidates();
        let own = candidates.iter().find_map(|candidate| self.own_baseline(candidate, when));
        own.or_else(|| candidates.iter().find_map(|candidate| built_ins().baseline(candidate)))
    }

    /// What holds at `at` for a task type: the general baseline, then each language and channel of
    /// its own.
    pub(crate) fn baselines(&self, key: &TaskKey, at: Timestamp) -> Vec<Recorded<BaselineValue>> {
        let when = When::at(at);
        let general = BaselineKey::general(key.clone());
        let specific = self.baselines.keys().filter(|k| k.task_type == *key && **k != general);
        let specific = specific.filter_map(|key| self.own_baseline(key, when));
        self.baseline(&general, when).into_iter().chain(specific).cloned().collect()
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
        let mut history = self.baselines.history(wanted);
        history.extend(
            built_ins().baselines().filter(|built_in| wanted(&built_in.value.key)).cloned(),
        );
        history
    }

    /// Where a baseline stands in the order of resolution.
    pub(crate) fn source(recorded: &Recorded<BaselineValue>) -> Source {
        // A workspace's own value always has a number.
        if recorded.version.number == 0 {
            Source::BuiltIn
        } else if built_ins().task_type(&recorded.value.key.task_type).is_some() {
            Source::Override
        } else {
            Source::Custom
        }
    }

    /// The rates that hold at `at`, the general first. The built-in stands in where the workspace
    /// has no default.
    pub(crate) fn rates(&self, at: Timestamp) -> Vec<Recorded<RateValue>> {
        let own = self.rates.in_force(When::at(at)).filter(|r| r.value.rate.is_some());
        let mut rates: Vec<_> = own.cloned().collect();
        if rates.first().is_none_or(|first| first.value.target != RateTarget::Workspace) {
            rates.push(built_ins().rate().clone());
        }
        rates
    }

    /// Every version of every rate, the newest recorded first, the built-in last.
    pub(crate) fn rate_history(&self) -> Vec<Recorded<RateValue>> {
        let mut history = self.rates.history(|_| true);
        history.push(built_ins().rate().clone());
        history
    }

    pub(crate) fn policy(&self, at: Timestamp) -> &Recorded<Policy> {
        self.policy.get(&(), When::at(at)).unwrap_or_else(|| built_ins().policy())
    }

    pub(crate) fn reporting(&self, at: Timestamp) -> &Recorded<Reporting> {
        self.reporting.get(&(), When::at(at)).unwrap_or_else(|| built_ins().reporting())
    }

    /// In the order of their keys.
    pub(crate) fn intents(&self, at: Timestamp) -> impl Iterator<Item = &Recorded<Intent>> {
        self.intents.in_force(When::at(at))
    }

    /// Prices that hold, by provider and model.
    pub(crate) fn prices(&self, at: Timestamp) -> impl Iterator<Item = &Recorded<ModelPrice>> {
        self.prices.in_force(When::at(at)).filter(|price| price.value.prices.is_some())
    }

    /// Why a price cannot be added: patterns are tried one after the other on every step that names a
    /// model, and stay, for steps of their day, when they are withdrawn.
    pub(crate) fn refuse_price(&self, price: &ModelPrice) -> Option<Problem> {
        let is_pattern = |key: &&PriceKey| key.matching == Matching::Regex;
        let is_new = is_pattern(&&price.key) && self.prices.latest(&price.key).is_none();
        if !is_new || self.prices.keys().filter(is_pattern).count() < PATTERNS_MAX {
            return None;
        }
        let what = format!(
            "is one pattern too many: a workspace prices at most {PATTERNS_MAX}, those withdrawn included; name the \
             model exactly, or widen a pattern that is there"
        );
        Some(Problem::new(Why::TooLarge, what))
    }

    /// Every version of every price, the newest recorded first.
    pub(crate) fn price_history(&self) -> Vec<Recorded<ModelPrice>> {
        self.prices.history(|_| true)
    }

    /// The exchange rates that hold at `at`; every version without an instant. The newest effective
    /// first.
    pub(crate) fn fx_rates(&self, at: Option<Timestamp>) -> Vec<Recorded<FxRate>> {
        let mut rates = match at {
            Some(at) => self.fx.in_force(When::at(at)).cloned().collect(),
            None => self.fx.history(|_| true),
        };
        // Stable: of two of the same moment the one recorded later comes first.
        rates.sort_by_key(|rate| std::cmp::Reverse(rate.version.effective));
        rates
    }

    /// What `version` of `value` puts out of force among the versions recorded before it.
    pub(crate) fn displaced(&self, value: &Value, version: &Version) -> Option<Displaced> {
        match value {
            Value::TaskType(value) => self.task_types.displaced(&value.key, version),
            Value::Baseline(value) => self.baselines.displaced(&value.key, version),
            Value::HourlyRate(value) => self.rates.displaced(&value.target, version),
            Value::Policy(_) => self.policy.displaced(&(), version),
            Value::Reporting(_) => self.reporting.displaced(&(), version),
            Value::Intent(value) => self.intents.displaced(&value.key, version),
            Value::ModelPrice(value) => self.prices.displaced(&value.key, version),
            Value::FxRate(value) => self.fx.displaced(&value.pair, version),
        }
    }

    /// The version of a value's subject that was recorded last.
    pub(crate) fn latest(&self, value: &Value) -> Option<&Version> {
        match value {
            Value::TaskType(value) => self.task_types.latest(&value.key).map(|r| &r.version),
            Value::Baseline(value) => self.baselines.latest(&value.key).map(|r| &r.version),
            Value::HourlyRate(value) => self.rates.latest(&value.target).map(|r| &r.version),
            Value::Policy(_) => self.policy.latest(&()).map(|r| &r.version),
            Value::Reporting(_) => self.reporting.latest(&()).map(|r| &r.version),
            Value::Intent(value) => self.intents.latest(&value.key).map(|r| &r.version),
            Value::ModelPrice(value) => self.prices.latest(&value.key).map(|r| &r.version),
            Value::FxRate(value) => self.fx.latest(&value.pair).map(|r| &r.version),
        }
    }

    /// What holds at `at` where `value` would hold: what a pack is compared with. What a withdrawn
    /// value leaves is nothing.
    pub(crate) fn current(&self, value: &Value, at: Timestamp) -> Option<Value> {
        let when = When::at(at);
        match value {
            Value::TaskType(value) => {
                self.task_type(&value.key, when).map(|r| Value::TaskType(r.value.clone()))
            }
            Value::Baseline(value) => {
                let own = self.own_baseline(&value.key, when);
                let found = own.or_else(|| built_ins().baseline(&value.key));
                found.map(|r| Value::Baseline(r.value.clone()))
            }
            Value::HourlyRate(value) => {
                let own = self.rates.get(&value.target, when).filter(|r| r.value.rate.is_some());
                let is_default = value.target == RateTarget::Workspace;
                let found = own.or_else(|| is_default.then(|| built_ins().rate()));
                found.map(|r| Value::HourlyRate(r.value.clone()))
            }
            Value::Policy(_) => Some(Value::Policy(self.policy(at).value.clone())),
            Value::Reporting(_) => Some(Value::Reporting(self.reporting(at).value.clone())),
            Value::Intent(value) => {
                self.intents.get(&value.key, when).map(|r| Value::Intent(r.value.clone()))
            }
            Value::ModelPrice(value) => {
                let own = self.prices.get(&value.key, when).filter(|r| r.value.prices.is_some());
                own.map(|r| Value::ModelPrice(r.value.clone()))
            }
            Value::FxRate(value) => {
                self.fx.get(&value.pair, when).map(|r| Value::FxRate(r.value.clone()))
            }
        }
    }

    /// Whether the workspace has a value of its own at `at` that `value` would withdraw.
    pub(crate) fn has_own(&self, value: &Value, at: Timestamp) -> bool {
        let when = When::at(at);
        match value {
            Value::Baseline(value) => self.own_baseline(&value.key, when).is_some(),
            Value::HourlyRate(value) => {
                self.rates.get(&value.target, when).is_some_and(|r| r.value.rate.is_some())
            }
            other => self.current(other, at).is_some(),
        }
    }

    /// The workspace's own values that hold at `at`, in the order a pack lists them.
    pub(crate) fn own(&self, at: Timestamp) -> Vec<Value> {
        let when = When::at(at);
        let mut own: Vec<Value> = Vec::new();
        own.extend(self.task_types.in_force(when).map(|r| Value::TaskType(r.value.clone())));
        let baselines = self.baselines.in_force(when).filter(|r| r.value.effort.is_some());
        own.extend(baselines.map(|r| Value::Baseline(r.value.clone())));
        let rates = self.rates.in_force(when).filter(|r| r.value.rate.is_some());
        own.extend(rates.map(|r| Value::HourlyRate(r.value.clone())));
        own.extend(self.policy.in_force(when).map(|r| Value::Policy(r.value.clone())));
        own.extend(self.reporting.in_force(when).map(|r| Value::Reporting(r.value.clone())));
        own.extend(self.intents(at).map(|r| Value::Intent(r.value.clone())));
        own.extend(self.prices(at).map(|r| Value::ModelPrice(r.value.clone())));
        own.extend(self.fx.in_force(when).map(|r| Value::FxRate(r.value.clone())));
        own
    }

    fn own_baseline(&self, key: &BaselineKey, when: When) -> Option<&Recorded<BaselineValue>> {
        self.baselines.get(key, when).filter(|recorded| recorded.value.effort.is_some())
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

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;
