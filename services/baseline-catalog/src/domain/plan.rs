//! What a pack would change: decided whole, before anything is written.

use std::collections::BTreeMap;

use kernel::{Timestamp, WorkspaceId};

use super::pack::{Entry, Pack};
use super::wrong::{Problem, Why, Wrongs};
use super::{
    Catalog, Kind, Life, NewChange, Reason, TaskType, Value, Version, When, built_ins, in_reach,
};

/// Whose catalog, since when, and why.
#[derive(Debug, Clone)]
pub(crate) struct Import {
    pub(crate) workspace: WorkspaceId,
    /// Of what the pack does not date; `None`: now.
    pub(crate) effective: Option<Timestamp>,
    pub(crate) now: Timestamp,
    pub(crate) reason: Reason,
}

/// What a pack does to one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Add,
    Change,
    Keep,
}

/// One value of a pack beside the one that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) line: u32,
    pub(crate) action: Action,
    pub(crate) current: Option<Value>,
    pub(crate) imported: Value,
}

/// What an import writes, and what it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// In the order of the document.
    pub(crate) differences: Vec<Difference>,
    /// Without what stays as it is, task types first, then the earliest effective.
    pub(crate) changes: Vec<NewChange>,
}

impl Plan {
    pub(crate) fn of(pack: Pack, catalog: &Catalog, import: &Import) -> Result<Self, Wrongs> {
        let mut deciding = Deciding {
            actor: format!("pack:{}", pack.name),
            before: catalog,
            scratch: catalog.clone(),
            import,
            plan: Self { differences: Vec::new(), changes: Vec::new() },
            wrongs: Wrongs::default(),
            seen: BTreeMap::new(),
        };
        let is_type = |entry: &Entry| entry.value.kind() == Kind::TaskType;
        let (of_types, others): (Vec<_>, Vec<_>) = pack.entries.into_iter().partition(is_type);
        // Task types first: what else a pack holds may be of one of them, and begin with it.
        let mut types = Vec::new();
        for (at, entry) in deciding.dated(of_types) {
            if let Value::TaskType(task_type) = &entry.value {
                types.push((at, entry.line, entry.path.clone(), task_type.clone()));
            }
            deciding.take(entry, at);
        }
        for (at, entry) in deciding.dated(others) {
            deciding.take(entry, at);
        }
        // Names are judged when all are known: two types may exchange an alias.
        for (at, line, path, task_type) in types {
            if deciding.wrongs.is_full() {
                break;
            }
            if let Some(problem) = deciding.scratch.refuse_names(&task_type, at) {
                deciding.wrongs.add(line, format!("{path}.aliases"), problem);
            }
        }
        let Deciding { mut plan, wrongs, .. } = deciding;
        if !wrongs.is_empty() {
            return Err(wrongs);
        }
        plan.differences.sort_by_key(|difference| difference.line);
        Ok(plan)
    }
}

struct Deciding<'i> {
    actor: String,
    /// The catalog as it is.
    before: &'i Catalog,
    /// The catalog as it will be.
    scratch: Catalog,
    import: &'i Import,
    plan: Plan,
    wrongs: Wrongs,
    /// The line that sets a value, by what it is once aliases are gone.
    seen: BTreeMap<(Kind, String, Timestamp), u32>,
}

impl Deciding<'_> {
    /// Entries with the moments they take effect at, in their order.
    fn dated(&self, entries: Vec<Entry>) -> Vec<(Timestamp, Entry)> {
        let dated = entries.into_iter().map(|entry| (self.effective(&entry), entry));
        let mut dated: Vec<_> = dated.collect();
        dated.sort_by_key(|(at, entry)| (*at, entry.line));
        dated
    }

    /// A task type that is new, and its first baseline, hold since ever: nothing was tracked by them
    /// that could move, and what is tracked late can be valued.
    fn effective(&self, entry: &Entry) -> Timestamp {
        if let Some(at) = entry.effective {
            return at;
        }
        let ever = When::at(Timestamp::MAX);
        let is_new = match &entry.value {
            Value::TaskType(new) => self.before.task_type(&new.key, ever).is_none(),
            Value::Baseline(new) => self.before.named(&new.key.task_type, ever).is_none(),
            _ => false,
        };
        let usual = if is_new { Timestamp::EPOCH } else { self.import.now };
        let at = self.import.effective.unwrap_or(usual);
        match &entry.value {
            // A type that begins later brings its baseline along.
            Value::Baseline(new)
                if self.scratch.named(&new.key.task_type, When::at(at)).is_none() =>
            {
                self.scratch.known_after(&new.key.task_type, at).unwrap_or(at)
            }
            _ => at,
        }
    }

    fn take(&mut self, entry: Entry, at: Timestamp) {
        let Entry { line, path, mut value, effective, reason } = entry;
        if effective.is_some() && !in_reach(at, self.import.now) {
            let problem =
                Problem::new(Why::OutOfRange, "is at most 366 days back and 3,660 days ahead");
            self.wrongs.add(line, format!("{path}.effective_time"), problem);
        }
        let refused = match &mut value {
            Value::TaskType(task_type) => refuse_redefinition(task_type).map(|p| ("", p)),
            Value::Baseline(baseline) => {
                match self.scratch.canonical(&baseline.key, When::at(at)) {
                    Some(key) => {
                        baseline.key = key;
                        None
                    }
                    None => {
                        let name = baseline.key.task_type.as_str();
                        let what =
                            format!("{name} is no task type of the workspace or of the pack");
                        Some((".task_type", Problem::new(Why::UnknownTaskType, what)))
                    }
                }
            }
            Value::ModelPrice(price) => self.scratch.refuse_price(price).map(|p| (".model", p)),
            Value::HourlyRate(_)
            | Value::Policy(_)
            | Value::Reporting(_)
            | Value::Intent(_)
            | Value::FxRate(_) => None,
        };
        if let Some((field, problem)) = refused {
            self.wrongs.add(line, format!("{path}{field}"), problem);
            return;
        }
        if let Some(first) = self.seen.insert((value.kind(), value.subject(), at), line) {
            let what = format!("{} stands in line {first} already", value.shown());
            self.wrongs.add(line, path, Problem::new(Why::Invalid, what));
            return;
        }
        let current = self.scratch.current(&value, at);
        let same = if withdraws(&value) {
            !self.scratch.has_own(&value, at)
        } else {
            current.as_ref() == Some(&value)
        };
        let action = match &current {
            _ if same => Action::Keep,
            Some(_) => Action::Change,
            None => Action::Add,
        };
        if action != Action::Keep {
            self.learn(&value, at);
            self.plan.changes.push(NewChange {
                workspace: self.import.workspace,
                effective: Some(at),
                actor: self.actor.clone(),
                reason: reason.unwrap_or_else(|| self.import.reason.clone()),
                value: value.clone(),
            });
        }
        self.plan.differences.push(Difference { line, action, current, imported: value });
    }

    fn learn(&mut self, value: &Value, at: Timestamp) {
        let number = self.scratch.latest(value).map_or(1, |latest| latest.number + 1);
        let version = Version {
            id: String::new(),
            number,
            effective: at,
            recorded: self.import.now,
            actor: String::new(),
            reason: String::new(),
        };
        self.scratch.learn(value.clone(), version);
    }
}

/// Of a built-in only the aliases are a workspace's own.
pub(crate) fn refuse_redefinition(task_type: &TaskType) -> Option<Problem> {
    let built_in = &built_ins().task_type(&task_type.key)?.value;
    let same = task_type.life == Life::Active
        && (&task_type.name, &task_type.description, task_type.category)
            == (&built_in.name, &built_in.description, built_in.category);
    let what = "comes with the product: its aliases can change, and its baseline be overridden, nothing else";
    (!same).then(|| Problem::new(Why::BuiltIn, what))
}

fn withdraws(value: &Value) -> bool {
    match value {
        Value::Baseline(value) => value.effort.is_none(),
        Value::HourlyRate(value) => value.rate.is_none(),
        Value::ModelPrice(value) => value.prices.is_none(),
        Value::TaskType(_)
        | Value::Policy(_)
        | Value::Reporting(_)
        | Value::Intent(_)
        | Value::FxRate(_) => false,
    }
}
