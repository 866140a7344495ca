//! What comes with the product: the pack "builtin@1".
//!
//! A pack like any other, so that it is readable in a review, and compiled in, so that it is the same
//! on every installation. A changed value is a new version of the pack: receipts name the one they
//! were valued with.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kernel::Timestamp;

use super::names::Names;
use super::pack::{Entry, Pack};
use super::{
    BaselineKey, BaselineValue, Policy, RateValue, Reason, Recorded, Reporting, TaskKey, TaskType,
    Value, Version,
};

const DOCUMENT: &str = include_str!("../../../../deploy/packs/builtin.yaml");

/// The values that hold for every workspace that says nothing else, since ever.
#[derive(Debug)]
pub(crate) struct BuiltIns {
    id: String,
    task_types: BTreeMap<TaskKey, Recorded<TaskType>>,
    names: Names,
    baselines: BTreeMap<BaselineKey, Recorded<BaselineValue>>,
    rate: Recorded<RateValue>,
    policy: Recorded<Policy>,
    reporting: Recorded<Reporting>,
}

/// The pack, read once.
pub(crate) fn built_ins() -> &'static BuiltIns {
    static BUILT_INS: LazyLock<BuiltIns> = LazyLock::new(|| {
        let pack = Pack::read(DOCUMENT).expect("a test reads the compiled-in pack");
        BuiltIns::of(pack).expect("a test looks for what every pack of built-ins holds")
    });
    &BUILT_INS
}

impl BuiltIns {
    /// `None` where the default rate, policy or reporting defaults are missing.
    fn of(pack: Pack) -> Option<Self> {
        let id = format!("{}@{}", pack.name, pack.version);
        let (mut task_types, mut baselines) = (BTreeMap::new(), BTreeMap::new());
        let (mut rate, mut policy, mut reporting) = (None, None, None);
        let mut names = Names::default();
        for Entry { value, reason, .. } in pack.entries {
            let version = version(&id, reason.as_ref());
            match value {
                Value::TaskType(value) => {
                    names.learn(&value);
                    task_types.insert(value.key.clone(), Recorded { value, version });
                }
                Value::Baseline(value) => {
                    baselines.insert(value.key.clone(), Recorded { value, version });
                }
                Value::HourlyRate(value) => rate = Some(Recorded { value, version }),
                Value::Policy(value) => policy = Some(Recorded { value, version }),
                Value::Reporting(value) => reporting = Some(Recorded { value, version }),
                // What a support team's intents, its prices and exchange rates are, it knows itself.
                Value::Intent(_) | Value::ModelPrice(_) | Value::FxRate(_) => return None,
            }
        }
        let (rate, policy, reporting) = (rate?, policy?, reporting?);
        Some(Self { id, task_types, names, baselines, rate, policy, reporting })
    }

    /// Version id of every built-in.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// In the order of their keys.
    pub(crate) fn task_types(&self) -> impl Iterator<Item = &Recorded<TaskType>> {
        self.task_types.values()
    }

    pub(crate) fn task_type(&self, key: &TaskKey) -> Option<&Recorded<TaskType>> {
        self.task_types.get(key)
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn baselines(&self) -> impl Iterator<Item = &Recorded<BaselineValue>> {
        self.baselines.values()
    }

    pub(crate) fn baseline(&self, key: &BaselineKey) -> Option<&Recorded<BaselineValue>> {
        self.baselines.get(key)
    }

    /// The rate of a workspace that has set none (METRICS 4).
    pub(crate) fn rate(&self) -> &Recorded<RateValue> {
        &self.rate
    }

    pub(crate) fn policy(&self) -> &Recorded<Policy> {
        &self.policy
    }

    pub(crate) fn reporting(&self) -> &Recorded<Reporting> {
        &self.reporting
    }

    /// All of it, in the order a pack lists them.
    pub(crate) fn all(&self) -> Vec<Value> {
        let types = self.task_types.values().map(|r| Value::TaskType(r.value.clone()));
        let baselines = self.baselines.values().map(|r| Value::Baseline(r.value.clone()));
        types
            .chain(baselines)
            .chain([
                Value::HourlyRate(self.rate.value.clone()),
                Value::Policy(self.policy.value.clone()),
                Value::Reporting(self.reporting.value.clone()),
            ])
            .collect()
    }
}

fn version(id: &str, reason: Option<&Reason>) -> Version {
    Version {
        id: id.to_owned(),
        number: 0,
        effective: Timestamp::EPOCH,
        recorded: Timestamp::EPOCH,
        actor: "builtin".to_owned(),
        reason: reason.map_or("Comes with the product", Reason::as_str).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pack_holds_the_minutes_of_the_walkthrough() {
        let minutes: Vec<(&str, i64)> = built_ins()
            .baselines()
            .map(|r| (r.value.key.task_type.as_str(), r.value.effort.unwrap().ms() / 60_000))
            .collect();
        assert_eq!(
            minutes,
            [
                ("customer_email_draft", 8),
                ("duplicate_detection", 3),
                ("email_classification", 4),
                ("ticket_routing", 2),
            ]
        );
        assert_eq!(built_ins().id(), "builtin@1");
        assert_eq!(built_ins().rate().value.rate.unwrap().micros_per_hour(), 45_000_000);
    }

    #[test]
    fn every_baseline_is_of_a_type_and_names_what_it_rests_on() {
        for baseline in built_ins().baselines() {
            assert!(built_ins().task_type(&baseline.value.key.task_type).is_some());
            assert!(!baseline.value.citation.is_empty(), "{:?}", baseline.value.key);
        }
    }
}
