//! What is wrong with what was said, where it was said, and how to say it right.

use kernel::Malformed;

/// The kind of a mistake, for programs; people read the sentence beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Invalid,
    Required,
    OutOfRange,
    TooLarge,
    UnknownCurrency,
    NotATimeZone,
    /// A key or alias that means something else already.
    NameTaken,
    AliasCycle,
    /// What came with the product cannot be redefined.
    BuiltIn,
    UnknownTaskType,
}

/// Why one text is not a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) why: Why,
    pub(crate) what: String,
}

impl Problem {
    pub(crate) fn new(why: Why, what: impl Into<String>) -> Self {
        Self { why, what: what.into() }
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Self::new(Why::Invalid, malformed.to_string())
    }
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Of the document, 1 for the first; 0 where there is none.
    pub(crate) line: u32,
    /// Path such as `intents[2].risk`; empty for the whole.
    pub(crate) field: String,
    pub(crate) problem: Problem,
}

/// Everything that is wrong: all of it is found before any is refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wrongs(Vec<Wrong>);

impl Wrongs {
    /// More than anybody mends in one go; a document of garbage must not become an answer of it.
    const MAX: usize = 100;

    pub(crate) fn add(&mut self, line: u32, field: impl Into<String>, problem: Problem) {
        if !self.is_full() {
            self.0.push(Wrong { line, field: field.into(), problem });
        }
    }

    /// Whether there is no room for more: looking for more is in vain.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= Self::MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<Wrong> {
        self.0
    }
}
