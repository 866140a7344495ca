//! The change log in words: every value is an immutable, dated version with an actor and a reason.

use kernel::{Malformed, Position, Timestamp, WorkspaceId};

use super::{BaselineValue, RateValue};

/// Who said so, since when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// Names it for ever: the text of the change's position, or the pack of a built-in.
    pub(crate) id: String,
    /// 1 for the first version of its subject, growing by one; 0 for a built-in.
    pub(crate) number: i64,
    pub(crate) effective: Timestamp,
    pub(crate) recorded: Timestamp,
    pub(crate) actor: String,
    pub(crate) reason: String,
}

/// A value and the version it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded<T> {
    pub(crate) value: T,
    pub(crate) version: Version,
}

/// Whatever a change can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Baseline(BaselineValue),
    HourlyRate(RateValue),
}

/// The kinds of value, as the log files them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Baseline,
    HourlyRate,
}

impl Value {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Baseline(_) => Kind::Baseline,
            Self::HourlyRate(_) => Kind::HourlyRate,
        }
    }

    /// What it is a version of, within its kind.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Baseline(baseline) => baseline.key.to_string(),
            Self::HourlyRate(rate) => rate.target.to_string(),
        }
    }
}

/// A change that somebody wants recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewChange {
    pub(crate) workspace: WorkspaceId,
    /// `None`: from the moment it is recorded.
    pub(crate) effective: Option<Timestamp>,
    pub(crate) actor: String,
    pub(crate) reason: Reason,
    pub(crate) value: Value,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) position: Position,
    pub(crate) workspace: WorkspaceId,
    pub(crate) version: Version,
    pub(crate) value: Value,
}

/// Why a change was made: never empty, so that a history can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason(String);

impl Reason {
    const LEN_MAX: usize = 1_024;

    pub(crate) fn new(text: &str) -> Result<Self, Malformed> {
        let text = text.trim();
        // One line of text: PostgreSQL keeps no U+0000, and a history is read line by line.
        let fits = !text.is_empty() && text.len() <= Self::LEN_MAX;
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            let expected = "a reason of 1 to 1,024 bytes without control characters, for whoever reads the history";
            Err(Malformed::new(expected, text))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
