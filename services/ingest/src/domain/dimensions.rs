//! How many values a dimension has: past a limit, more are stored and count together.

use std::collections::HashSet;

use super::fingerprint::Fingerprint;

/// What reports split by and callers fill freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i16)]
pub(crate) enum Dimension {
    Agent = 1,
    Project = 2,
    Intent = 3,
    Queue = 4,
    Channel = 5,
    Language = 6,
    Model = 7,
}

impl Dimension {
    pub(crate) const ALL: [Self; 7] = [
        Self::Agent,
        Self::Project,
        Self::Intent,
        Self::Queue,
        Self::Channel,
        Self::Language,
        Self::Model,
    ];

    /// As the contract names its field.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent_id",
            Self::Project => "project",
            Self::Intent => "intent",
            Self::Queue => "queue",
            Self::Channel => "channel",
            Self::Language => "language",
            Self::Model => "model",
        }
    }

    /// The number a row holds. It never changes.
    pub(crate) const fn to_row(self) -> i16 {
        self as i16
    }

    pub(crate) fn from_row(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| *dimension as i16 == number)
    }

    /// Its place in [`Dimension::ALL`].
    pub(crate) const fn place(self) -> usize {
        self as usize - 1
    }
}

/// A value by its digest: a collision of 64 bits lets one value too many in, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ValueDigest(i64);

impl ValueDigest {
    pub(crate) fn of(value: &str) -> Self {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&Fingerprint::of(value.as_bytes()).to_row()[..8]);
        Self(i64::from_be_bytes(bytes))
    }

    pub(crate) const fn to_row(self) -> i64 {
        self.0
    }

    pub(crate) const fn from_row(bits: i64) -> Self {
        Self(bits)
    }
}

/// The values of one workspace that have a name of their own in reports.
#[derive(Debug, Default)]
pub(crate) struct Values {
    known: [HashSet<ValueDigest>; 7],
    /// Those that are not kept yet.
    fresh: Vec<(Dimension, ValueDigest)>,
}

impl Values {
    pub(crate) fn knows(&self, dimension: Dimension, value: ValueDigest) -> bool {
        self.known[dimension.place()].contains(&value)
    }

    /// Whether the value has a name of its own: it is known, or there is room for one more.
    pub(crate) fn admit(&mut self, dimension: Dimension, value: ValueDigest, max: u32) -> bool {
        let known = &mut self.known[dimension.place()];
        if known.contains(&value) {
            return true;
        }
        if known.len() >= usize::try_from(max).unwrap_or(usize::MAX) {
            return false;
        }
        known.insert(value);
        self.fresh.push((dimension, value));
        true
    }

    /// Takes in what is kept, by this replica or another. It may be more than the limit: replicas that
    /// race each admit their own, and what has a name keeps it.
    pub(crate) fn learn(&mut self, kept: impl IntoIterator<Item = (Dimension, ValueDigest)>) {
        for (dimension, value) in kept {
            self.known[dimension.place()].insert(value);
        }
    }

    /// Those to keep, handed over.
    pub(crate) fn take_fresh(&mut self) -> Vec<(Dimension, ValueDigest)> {
        std::mem::take(&mut self.fresh)
    }

    /// They could not be kept: later, then.
    pub(crate) fn put_back(&mut self, mut unkept: Vec<(Dimension, ValueDigest)>) {
        unkept.append(&mut self.fresh);
        self.fresh = unkept;
    }

    pub(crate) fn len(&self) -> usize {
        self.known.iter().map(HashSet::len).sum()
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.fresh.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(values: &mut Values, value: &str, max: u32) -> bool {
        values.admit(Dimension::Queue, ValueDigest::of(value), max)
    }

    #[test]
    fn values_past_the_limit_have_no_name_and_those_before_keep_theirs() {
        let mut values = Values::default();
        assert!(admit(&mut values, "a", 2) && admit(&mut values, "b", 2));
        assert!(!admit(&mut values, "c", 2) && !admit(&mut values, "C", 2));
        assert!(admit(&mut values, "a", 1), "a limit that was lowered takes no name away");
        assert!(
            values.admit(Dimension::Agent, ValueDigest::of("c"), 2),
            "each dimension for itself"
        );
        assert_eq!((values.take_fresh().len(), values.len()), (3, 3));
        assert!(admit(&mut values, "c", 3) && !values.is_kept());
    }

    #[test]
    fn what_another_replica_kept_is_known_here() {
        let mut values = Values::default();
        values.learn([
            (Dimension::Queue, ValueDigest::of("a")),
            (Dimension::Queue, ValueDigest::of("b")),
        ]);
        assert!(admit(&mut values, "a", 1) && !admit(&mut values, "c", 1));
        assert!(values.is_kept(), "nothing new");
    }

    #[test]
    fn numbers_of_dimensions_read_back() {
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::from_row(dimension.to_row()), Some(dimension));
        }
        assert_eq!(Dimension::from_row(0), None);
    }
}
