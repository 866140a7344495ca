//! Every version of every value of one kind, by what it is a version of.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::{Dated, Timestamp};

use super::{Recorded, Version};

/// Values that have versions.
pub(crate) trait Filed {
    /// What a version is a version of.
    type Key: Ord + Clone;

    fn filed_under(&self) -> Self::Key;
}

/// For which instant, by the knowledge of which instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct When {
    pub(crate) at: Timestamp,
    /// Only what had been recorded by then.
    pub(crate) as_of: Timestamp,
}

impl When {
    /// By everything that is known.
    pub(crate) const fn at(at: Timestamp) -> Self {
        Self { at, as_of: Timestamp::MAX }
    }
}

/// The version that a new one puts out of force, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Displaced {
    pub(crate) version_id: String,
    pub(crate) start: Timestamp,
    /// When an already known later version takes over; `None`: never.
    pub(crate) end: Option<Timestamp>,
}

/// Each history is shared until it grows: a new catalog of ten thousand versions costs one history.
#[derive(Debug, Clone)]
pub(crate) struct Book<T: Filed>(BTreeMap<T::Key, Arc<Dated<Recorded<T>>>>);

impl<T: Filed> Default for Book<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Filed> Book<T> {
    pub(crate) fn get(&self, key: &T::Key, when: When) -> Option<&Recorded<T>> {
        held(self.0.get(key)?, when)
    }

    /// What holds, in the order of the keys.
    pub(crate) fn in_force(&self, when: When) -> impl Iterator<Item = &Recorded<T>> {
        self.0.values().filter_map(move |history| held(history, when))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &T::Key> {
        self.0.keys()
    }

    /// The version recorded last, whenever it holds.
    pub(crate) fn latest(&self, key: &T::Key) -> Option<&Recorded<T>> {
        self.0.get(key)?.iter().map(|(_, recorded)| recorded).max_by_key(|r| r.version.number)
    }

    /// Every version of one value, the earliest effective first.
    pub(crate) fn versions(&self, key: &T::Key) -> impl Iterator<Item = &Recorded<T>> {
        self.0.get(key).into_iter().flat_map(|history| history.iter().map(|(_, recorded)| recorded))
    }

    /// What `version` of `key` puts out of force among the versions recorded before it. At most
    /// one: between two effective moments only one version holds.
    pub(crate) fn displaced(&self, key: &T::Key, version: &Version) -> Option<Displaced> {
        let mut before = Dated::new();
        let earlier = self.0.get(key)?.iter().filter(|(_, r)| r.version.number < version.number);
        for (effective, recorded) in earlier {
            before.push(*effective, &recorded.version.id);
        }
        let start = version.effective;
        let end = before.iter().map(|(effective, _)| *effective).find(|at| *at > start);
        before.at(start).map(|id| Displaced { version_id: (*id).clone(), start, end })
    }
}

impl<T: Filed + Clone> Book<T> {
    /// In the order of the log: of two versions effective at the same moment the later one holds.
    pub(crate) fn learn(&mut self, value: T, version: Version) {
        let history = self.0.entry(value.filed_under()).or_default();
        Arc::make_mut(history).push(version.effective, Recorded { value, version });
    }

    /// Every version of the keys that are wanted, the newest recorded first.
    pub(crate) fn history(&self, wanted: impl Fn(&T::Key) -> bool) -> Vec<Recorded<T>> {
        let histories = self.0.iter().filter(|(key, _)| wanted(key)).map(|(_, history)| history);
        let mut all: Vec<Recorded<T>> = histories
            .flat_map(|history| history.iter().map(|(_, recorded)| recorded.clone()))
            .collect();
        // Ids of one workspace are positions of one partition: their text sorts as their seq.
        all.sort_by(|a, b| b.version.id.cmp(&a.version.id));
        all
    }
}

fn held<T>(history: &Dated<Recorded<T>>, when: When) -> Option<&Recorded<T>> {
    if when.as_of == Timestamp::MAX {
        return history.at(when.at);
    }
    let known = history.iter().take_while(|(effective, _)| *effective <= when.at);
    let known = known.filter(|(_, recorded)| recorded.version.recorded <= when.as_of);
    known.last().map(|(_, recorded)| recorded)
}
