//! Drawing from a seed, and the lists that the workload draws from.

use kernel::IdSource as _;
use testkit::SeededIds;

pub(crate) const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Amsterdam",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
];
pub(crate) const AGENTS: [&str; 6] = ["triage", "drafts", "routing", "billing", "a:b", "größe"];
pub(crate) const TASKS: [&str; 3] =
    ["email_classification", "ticket_routing", "customer_email_draft"];
pub(crate) const PROJECTS: [&str; 4] = ["", "shop", "app", "Shop"];
pub(crate) const CHANNELS: [&str; 4] = ["", "email", "chat", "phone"];
pub(crate) const LANGUAGES: [&str; 5] = ["", "en", "nl", "de", "zh-Hant"];
pub(crate) const MODELS: [&str; 4] = ["", "gpt-4o-mini", "claude-sonnet-4", "a-model-nobody-knows"];

/// The same draws for the same seed.
pub(crate) struct Draw(SeededIds);

impl Draw {
    pub(crate) fn from(seed: u64) -> Self {
        Self(SeededIds::new(seed))
    }

    /// 0 to `end` - 1.
    pub(crate) fn below(&self, end: i64) -> i64 {
        self.0.next_i64() % end
    }

    pub(crate) fn index(&self, end: usize) -> usize {
        usize::try_from(self.below(end as i64)).unwrap()
    }

    /// So many times in a hundred.
    pub(crate) fn often(&self, percent: i64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn of<'t, T>(&self, list: &'t [T]) -> &'t T {
        &list[self.index(list.len())]
    }

    pub(crate) fn name(&self, list: &[&str]) -> String {
        (*self.of(list)).to_owned()
    }

    pub(crate) fn maybe<T>(&self, percent: i64, some: impl FnOnce(&Self) -> T) -> Option<T> {
        self.often(percent).then(|| some(self))
    }
}
