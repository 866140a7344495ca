//! Versions of a value, each in force from a moment on.

use crate::Timestamp;

/// Effective-dated history of one value. Of two versions effective at the same moment the later pushed
/// one holds: corrections win over what they correct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated<T> {
    versions: Vec<(Timestamp, T)>,
}

impl<T> Dated<T> {
    /// Without any version.
    pub const fn new() -> Self {
        Self { versions: Vec::new() }
    }

    /// Adds a version in force from `effective` until the next one.
    pub fn push(&mut self, effective: Timestamp, value: T) {
        let place = self.versions.partition_point(|(at, _)| *at <= effective);
        self.versions.insert(place, (effective, value));
    }

    /// The version in force at `at`, if any had begun.
    pub fn at(&self, at: Timestamp) -> Option<&T> {
        let place = self.versions.partition_point(|(effective, _)| *effective <= at);
        Some(&self.versions[place.checked_sub(1)?].1)
    }

    /// Oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &(Timestamp, T)> {
        self.versions.iter()
    }

    /// Whether there is no version.
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }
}

impl<T> Default for Dated<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn a_version_holds_from_its_moment_until_the_next() {
        let mut rate = Dated::new();
        rate.push(at(20), "new");
        rate.push(at(10), "old");
        assert_eq!(rate.at(at(9)), None);
        assert_eq!(rate.at(at(10)), Some(&"old"));
        assert_eq!(rate.at(at(19)), Some(&"old"));
        assert_eq!(rate.at(at(20)), Some(&"new"));
    }

    #[test]
    fn of_two_at_the_same_moment_the_correction_holds() {
        let mut rate = Dated::new();
        rate.push(at(10), "wrong");
        rate.push(at(10), "right");
        assert_eq!(rate.at(at(10)), Some(&"right"));
    }
}
