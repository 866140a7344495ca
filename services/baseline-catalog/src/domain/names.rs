//! Keys and aliases of task types: what a name stands for, and that no name stands for two.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Timestamp, nearest};

use super::book::When;
use super::builtin::built_ins;
use super::words::Life;
use super::wrong::{Problem, Why};
use super::{Alias, BaselineKey, Catalog, Recorded, TaskKey, TaskType};

/// Which task types ever went by an alias. Whether one does at an instant, its version then says.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(BTreeMap<TaskKey, BTreeSet<TaskKey>>);

impl Names {
    pub(super) fn learn(&mut self, task_type: &TaskType) {
        for alias in &task_type.aliases {
            self.0.entry(alias.alias.clone()).or_default().insert(task_type.key.clone());
        }
    }

    pub(super) fn claimants(&self, alias: &TaskKey) -> impl Iterator<Item = &TaskKey> {
        self.0.get(alias).into_iter().flatten()
    }
}

impl Catalog {
    /// The workspace's own definition, else the built-in; archived ones too.
    pub(crate) fn task_type(&self, key: &TaskKey, when: When) -> Option<&Recorded<TaskType>> {
        self.task_types.get(key, when).or_else(|| built_ins().task_type(key))
    }

    /// Every task type, in the order of their keys.
    pub(crate) fn task_types(&self, at: Timestamp) -> Vec<&Recorded<TaskType>> {
        let keys: BTreeSet<&TaskKey> =
            self.task_types.keys().chain(built_ins().task_types().map(|r| &r.value.key)).collect();
        keys.into_iter().filter_map(|key| self.task_type(key, When::at(at))).collect()
    }

    /// By key or alias; an alias brings the dimensions it stands for.
    pub(crate) fn named(
        &self,
        name: &TaskKey,
        when: When,
    ) -> Option<(&Recorded<TaskType>, Option<&Alias>)> {
        if let Some(found) = self.task_type(name, when) {
            return Some((found, None));
        }
        let claimants = self.names.claimants(name).chain(built_ins().names().claimants(name));
        claimants.filter_map(|key| self.task_type(key, when)).find_map(|found| {
            let alias = found.value.aliases.iter().find(|alias| alias.alias == *name)?;
            Some((found, Some(alias)))
        })
    }

    /// The key under which values are filed: an alias gives way to its type, and to what it stands
    /// for where nothing is said. `None` for a name the catalog does not know.
    pub(crate) fn canonical(&self, key: &BaselineKey, when: When) -> Option<BaselineKey> {
        let (task_type, alias) = self.named(&key.task_type, when)?;
        let implied =
            |of: fn(&Alias) -> &Option<super::Tag>| alias.and_then(|alias| of(alias).clone());
        Some(BaselineKey {
            task_type: task_type.value.key.clone(),
            language: key.language.clone().or_else(|| implied(|alias| &alias.language)),
            channel: key.channel.clone().or_else(|| implied(|alias| &alias.channel)),
        })
    }

    /// The names most like one that is not known.
    pub(crate) fn nearest(&self, name: &str, at: Timestamp) -> Vec<String> {
        let types = self.task_types(at);
        let active = types.iter().filter(|r| r.value.life == Life::Active);
        let names = active.flat_map(|r| {
            let aliases = r.value.aliases.iter().map(|alias| alias.alias.as_str());
            std::iter::once(r.value.key.as_str()).chain(aliases)
        });
        nearest(name, names).into_iter().map(str::to_owned).collect()
    }

    /// The first moment after `from` at which the catalog knows `name`.
    pub(crate) fn known_after(&self, name: &TaskKey, from: Timestamp) -> Option<Timestamp> {
        let first = |key| {
            let moments = self.task_types.versions(key).map(|r| r.version.effective);
            let mut later = moments.filter(|at| *at > from);
            later.find(|at| self.named(name, When::at(*at)).is_some())
        };
        std::iter::once(name).chain(self.names.claimants(name)).filter_map(first).min()
    }

    /// What is wrong with the names of `task_type`, if it holds from `from` on: checked at every
    /// later moment at which a definition changes that shares a name with it, since a name means one
    /// thing at a time.
    pub(crate) fn refuse_names(&self, task_type: &TaskType, from: Timestamp) -> Option<Problem> {
        let kin = self.kin(task_type);
        let versions = kin.into_iter().flat_map(|key| self.task_types.versions(key));
        let later = versions.map(|r| r.version.effective).filter(|at| *at > from);
        let moments: BTreeSet<Timestamp> = std::iter::once(from).chain(later).collect();
        moments.into_iter().find_map(|at| self.refuse_names_at(task_type, at))
    }

    /// Names that ever led to a name of `task_type`, or it to them. Mostly its own: types seldom share
    /// one, so that a pack of thousands is judged in thousands of steps and not in millions.
    pub(super) fn kin<'c>(&'c self, task_type: &'c TaskType) -> BTreeSet<&'c TaskKey> {
        let mut open = vec![&task_type.key];
        open.extend(task_type.aliases.iter().map(|alias| &alias.alias));
        let mut kin = BTreeSet::new();
        while let Some(name) = open.pop() {
            if kin.insert(name) {
                open.extend(self.names.claimants(name).chain(built_ins().names().claimants(name)));
                let defined = self.task_types.versions(name).flat_map(|r| &r.value.aliases);
                open.extend(defined.map(|alias| &alias.alias));
            }
        }
        kin
    }

    fn refuse_names_at(&self, task_type: &TaskType, at: Timestamp) -> Option<Problem> {
        let when = When::at(at);
        for Alias { alias, .. } in &task_type.aliases {
            if *alias == task_type.key || self.leads_to(alias, &task_type.key, at) {
                let what = format!("the alias {} leads back to itself", alias.as_str());
                return Some(Problem::new(Why::AliasCycle, what));
            }
            let taken_by = self.named(alias, when).map(|(found, _)| &found.value.key);
            if let Some(other) = taken_by.filter(|other| **other != task_type.key) {
                let (alias, other) = (alias.as_str(), other.as_str());
                let what = match alias == other {
                    true => format!("{alias} is a task type; it cannot be an alias as well"),
                    false => format!("{alias} is an alias of {other} already"),
                };
                return Some(Problem::new(Why::NameTaken, what));
            }
        }
        // Its own key must not be the alias of another.
        let claimed = self
            .names
            .claimants(&task_type.key)
            .chain(built_ins().names().claimants(&task_type.key));
        let other = claimed.filter(|other| **other != task_type.key).find(|other| {
            let aliases =
                |r: &Recorded<TaskType>| r.value.aliases.iter().any(|a| a.alias == task_type.key);
            self.task_type(other, when).is_some_and(aliases)
        })?;
        let what = format!("{} is an alias of {} already", task_type.key.as_str(), other.as_str());
        Some(Problem::new(Why::NameTaken, what))
    }

    /// Whether `name` is a task type that goes, by however many steps, by the name `goal`.
    fn leads_to(&self, name: &TaskKey, goal: &TaskKey, at: Timestamp) -> bool {
        let mut seen = BTreeSet::from([name]);
        let mut open = vec![name];
        while let Some(next) = open.pop() {
            let Some(found) = self.task_type(next, When::at(at)) else { continue };
            for Alias { alias, .. } in &found.value.aliases {
                if alias == goal {
                    return true;
                }
                if seen.insert(alias) {
                    open.push(alias);
                }
            }
        }
        false
    }
}
