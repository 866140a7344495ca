//! The fields a filter can name, and the values they hold.

use std::borrow::Cow;
use std::fmt;

use kernel::Timestamp;

use super::facts::KINDS;

/// A field of the event envelope.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    Kind,
    AgentId,
    TaskType,
    Outcome,
    TicketId,
    CustomerKey,
    Account,
    Project,
    Intent,
    Queue,
    Channel,
    Language,
    Technical,
    Model,
    DurationMs,
    HumanEditMs,
    AgentCostMicros,
    OccurredTime,
    /// A pair of the event's metadata, by its key.
    Metadata(String),
}

/// How a field's values are read and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    Text,
    /// Text out of a closed list.
    Word(&'static [&'static str]),
    Number,
    Time,
    Flag,
}

const METADATA: &str = "metadata.";
const METADATA_KEY_BYTES_MAX: usize = 64;
const OUTCOMES: [&str; 4] = ["success", "needs_review", "failure", "pending"];

const NAMED: [(&str, Field); 18] = [
    ("kind", Field::Kind),
    ("agent_id", Field::AgentId),
    ("task_type", Field::TaskType),
    ("outcome", Field::Outcome),
    ("ticket_id", Field::TicketId),
    ("customer_key", Field::CustomerKey),
    ("account", Field::Account),
    ("project", Field::Project),
    ("intent", Field::Intent),
    ("queue", Field::Queue),
    ("channel", Field::Channel),
    ("language", Field::Language),
    ("technical", Field::Technical),
    ("model", Field::Model),
    ("duration_ms", Field::DurationMs),
    ("human_edit_ms", Field::HumanEditMs),
    ("agent_cost_micros", Field::AgentCostMicros),
    ("occurred_time", Field::OccurredTime),
];

impl Field {
    /// The field behind a path; otherwise the names that come nearest.
    pub(crate) fn parse(path: &str) -> Result<Self, Vec<&'static str>> {
        if let Some(key) = path.strip_prefix(METADATA) {
            let fits = !key.is_empty()
                && key.len() <= METADATA_KEY_BYTES_MAX
                && !key.chars().any(char::is_control);
            return if fits { Ok(Self::Metadata(key.to_owned())) } else { Err(Vec::new()) };
        }
        if let Some((_, field)) = NAMED.iter().find(|(name, _)| *name == path) {
            return Ok(field.clone());
        }
        let mut near: Vec<(usize, &'static str)> = NAMED
            .iter()
            .map(|(name, _)| (strsim::damerau_levenshtein(name, path), *name))
            .filter(|(distance, name)| *distance <= name.len().div_ceil(3))
            .collect();
        near.sort_unstable();
        Err(near.into_iter().take(3).map(|(_, name)| name).collect())
    }

    pub(crate) fn kind(&self) -> ValueKind {
        match self {
            Self::Kind => ValueKind::Word(&KINDS),
            Self::Outcome => ValueKind::Word(&OUTCOMES),
            Self::DurationMs | Self::HumanEditMs | Self::AgentCostMicros => ValueKind::Number,
            Self::OccurredTime => ValueKind::Time,
            Self::Technical => ValueKind::Flag,
            Self::AgentId
            | Self::TaskType
            | Self::TicketId
            | Self::CustomerKey
            | Self::Account
            | Self::Project
            | Self::Intent
            | Self::Queue
            | Self::Channel
            | Self::Language
            | Self::Model
            | Self::Metadata(_) => ValueKind::Text,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Metadata(key) = self {
            return write!(f, "{METADATA}{key}");
        }
        let named = NAMED.iter().find(|(_, field)| field == self);
        f.write_str(named.map_or("", |(name, _)| name))
    }
}

/// What a field holds or is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    Text(Cow<'a, str>),
    Number(i64),
    Time(Timestamp),
    Flag(bool),
}

impl<'a> Value<'a> {
    pub(crate) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Reads a value by the kind of its field; otherwise says what one looks like.
    pub(crate) fn parse(kind: ValueKind, text: &str) -> Result<Value<'static>, String> {
        match kind {
            ValueKind::Text => Ok(Value::Text(Cow::Owned(text.to_owned()))),
            ValueKind::Word(words) => match words.iter().find(|word| **word == text) {
                Some(word) => Ok(Value::Text(Cow::Borrowed(word))),
                None => Err(format!("one of {}", words.join(", "))),
            },
            ValueKind::Number => {
                text.parse().map(Value::Number).map_err(|_| "a whole number".to_owned())
            }
            ValueKind::Time => text
                .parse()
                .map(Value::Time)
                .map_err(|_| "an RFC 3339 time such as 2026-01-31T09:00:00Z".to_owned()),
            ValueKind::Flag => {
                text.parse().map(Value::Flag).map_err(|_| "true or false".to_owned())
            }
        }
    }

    /// Whether this is at least `bound`; values of different kinds are not comparable.
    pub(crate) fn at_least(&self, bound: &Value<'_>) -> bool {
        match (self, bound) {
            (Value::Number(a), Value::Number(b)) => a >= b,
            (Value::Time(a), Value::Time(b)) => a >= b,
            _ => false,
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Time(time) => time.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use kernel::Outcome;

    #[test]
    fn every_field_is_found_by_the_name_it_prints() {
        for (name, field) in &NAMED {
            assert_eq!(field.to_string(), *name);
            assert_eq!(Field::parse(name).as_ref(), Ok(field));
        }
    }

    #[test]
    fn the_outcomes_are_those_of_the_kernel() {
        assert_eq!(OUTCOMES, Outcome::ALL.map(Outcome::as_str));
    }

    #[test]
    fn a_misspelt_field_names_its_neighbours() {
        assert_eq!(Field::parse("agentid"), Err(vec!["agent_id"]));
        assert_eq!(Field::parse("outcom").unwrap_err()[0], "outcome");
        assert_eq!(Field::parse("metadata."), Err(vec![]));
    }
}
