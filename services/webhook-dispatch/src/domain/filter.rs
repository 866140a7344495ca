//! Which events an endpoint takes: a conjunction of typed predicates, read once and then only compared.

use super::facts::Facts;
use super::field::{Field, Value, ValueKind};

/// Predicates in one filter.
pub const FILTER_PREDICATES_MAX: usize = 16;
/// Values in one predicate.
pub const VALUES_MAX: usize = 32;
const VALUE_BYTES_MAX: usize = 255;

/// All predicates must hold; without any, every event passes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter(Vec<Predicate>);

/// One condition on one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    pub(crate) field: Field,
    pub(crate) test: Test,
}

/// What is asked of the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    Equal(Value<'static>),
    NotEqual(Value<'static>),
    /// At least two values: one is `Equal`.
    In(Vec<Value<'static>>),
    AtLeast(Value<'static>),
    Exists,
    Prefix(String),
}

/// The comparisons a caller can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    In,
    AtLeast,
    Exists,
    Prefix,
}

/// Why a predicate makes no sense; says what would.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{path:?} is not a field of an event{}", did_you_mean(nearest))]
    UnknownField { path: String, nearest: Vec<&'static str> },
    #[error("{field} is compared with {expected}, not {sent:?}")]
    WrongValue { field: String, expected: String, sent: String },
    #[error("{field}: {operator} takes {takes}, {sent} sent")]
    WrongCount { field: String, operator: &'static str, takes: &'static str, sent: usize },
    #[error("{field} cannot be compared with {operator}: that is for {for_what}")]
    WrongOperator { field: String, operator: &'static str, for_what: &'static str },
    #[error("{field}: a value has at most {VALUE_BYTES_MAX} bytes, {sent} sent")]
    TooLong { field: String, sent: usize },
    #[error("{field}: control characters are not taken")]
    Control { field: String },
    #[error("a filter has at most {FILTER_PREDICATES_MAX} predicates, {sent} sent")]
    TooMany { sent: usize },
}

fn did_you_mean(nearest: &[&str]) -> String {
    if nearest.is_empty() {
        ". See Predicate.path for the fields; metadata is named as metadata.<key>".to_owned()
    } else {
        format!(". Did you mean {}?", nearest.join(" or "))
    }
}

impl Filter {
    /// At most [`FILTER_PREDICATES_MAX`] predicates.
    pub fn new(predicates: Vec<Predicate>) -> Result<Self, Refused> {
        if predicates.len() > FILTER_PREDICATES_MAX {
            return Err(Refused::TooMany { sent: predicates.len() });
        }
        Ok(Self(predicates))
    }

    /// Whether the event passes.
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        self.0.iter().all(|predicate| predicate.holds(facts))
    }

    /// In the order they were given.
    pub fn predicates(&self) -> &[Predicate] {
        &self.0
    }
}

impl Predicate {
    /// Reads the values by the type of the field.
    pub fn new<S: AsRef<str>>(
        path: &str,
        operator: Operator,
        values: &[S],
    ) -> Result<Self, Refused> {
        let field = Field::parse(path).map_err(|nearest| Refused::UnknownField {
            path: path.chars().take(80).collect(),
            nearest,
        })?;
        let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
        if let Some(long) = values.iter().find(|value| value.len() > VALUE_BYTES_MAX) {
            return Err(Refused::TooLong { field: field.to_string(), sent: long.len() });
        }
        if values.iter().any(|value| value.chars().any(char::is_control)) {
            return Err(Refused::Control { field: field.to_string() });
        }
        let test = Test::read(&field, operator, &values)?;
        Ok(Self { field, test })
    }

    /// The path as a caller writes it.
    pub fn path(&self) -> String {
        self.field.to_string()
    }

    /// The comparison and the values, as a caller would have sent them.
    pub fn parts(&self) -> (Operator, Vec<String>) {
        match &self.test {
            Test::Equal(value) => (Operator::Equal, vec![value.to_string()]),
            Test::NotEqual(value) => (Operator::NotEqual, vec![value.to_string()]),
            Test::In(values) => (Operator::In, values.iter().map(ToString::to_string).collect()),
            Test::AtLeast(value) => (Operator::AtLeast, vec![value.to_string()]),
            Test::Exists => (Operator::Exists, Vec::new()),
            Test::Prefix(start) => (Operator::Prefix, vec![start.clone()]),
        }
    }

    fn holds(&self, facts: &Facts<'_>) -> bool {
        let actual = facts.get(&self.field);
        match (&self.test, actual) {
            (Test::NotEqual(value), actual) => actual.as_ref() != Some(value),
            (_, None) => false,
            (Test::Equal(value), Some(actual)) => actual == *value,
            (Test::In(values), Some(actual)) => values.contains(&actual),
            (Test::AtLeast(bound), Some(actual)) => actual.at_least(bound),
            (Test::Exists, Some(_)) => true,
            (Test::Prefix(start), Some(Value::Text(text))) => text.starts_with(start.as_str()),
            (Test::Prefix(_), Some(_)) => false,
        }
    }
}

impl Test {
    fn read(field: &Field, operator: Operator, values: &[&str]) -> Result<Self, Refused> {
        let kind = field.kind();
        operator.fits(field, kind)?;
        operator.counts(field, values.len())?;
        let value = |text: &str| {
            Value::parse(kind, text).map_err(|expected| Refused::WrongValue {
                field: field.to_string(),
                expected,
                sent: text.to_owned(),
            })
        };
        Ok(match operator {
            Operator::Equal => Self::Equal(value(values[0])?),
            Operator::NotEqual => Self::NotEqual(value(values[0])?),
            Operator::In if values.len() == 1 => Self::Equal(value(values[0])?),
            Operator::In => {
                Self::In(values.iter().map(|text| value(text)).collect::<Result<_, _>>()?)
            }
            Operator::AtLeast => Self::AtLeast(value(values[0])?),
            Operator::Exists => Self::Exists,
            Operator::Prefix => Self::Prefix(values[0].to_owned()),
        })
    }
}

impl Operator {
    /// As the one-line form writes it.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Equal | Self::In => "=",
            Self::NotEqual => "!=",
            Self::AtLeast => ">=",
            Self::Exists => "?",
            Self::Prefix => "^=",
        }
    }

    fn fits(self, field: &Field, kind: ValueKind) -> Result<(), Refused> {
        let for_what = match (self, kind) {
            (Self::AtLeast, ValueKind::Text | ValueKind::Word(_) | ValueKind::Flag) => {
                "numbers and times"
            }
            (Self::Prefix, ValueKind::Number | ValueKind::Time | ValueKind::Flag) => "text",
            _ => return Ok(()),
        };
        let operator = self.symbol();
        Err(Refused::WrongOperator { field: field.to_string(), operator, for_what })
    }

    fn counts(self, field: &Field, sent: usize) -> Result<(), Refused> {
        let (fits, takes) = match self {
            Self::Exists => (sent == 0, "no value"),
            Self::In => ((1..=VALUES_MAX).contains(&sent), "1 to 32 values"),
            Self::Equal | Self::NotEqual | Self::AtLeast | Self::Prefix => (sent == 1, "one value"),
        };
        let operator = self.symbol();
        if fits {
            return Ok(());
        }
        Err(Refused::WrongCount { field: field.to_string(), operator, takes, sent })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::Ticket;
    use kernel::{Outcome, Timestamp};

    fn facts() -> Facts<'static> {
        Facts {
            kind: "task_completed",
            agent_id: "support-triage",
            task_type: "email_classification",
            outcome: Some(Outcome::Failure),
            ticket: Ticket { ticket_id: "T-1", technical: Some(true), ..Ticket::default() },
            model: "",
            duration_ms: Some(2_000),
            human_edit_ms: None,
            agent_cost_micros: Some(12_000),
            occurred: Timestamp::from_micros(1_000_000),
            metadata: vec![("env", "prod"), ("empty", "")],
        }
    }

    #[track_caller]
    fn passes(line: &str) -> bool {
        line.parse::<Filter>().unwrap().matches(&facts())
    }

    #[test]
    fn a_filter_without_predicates_takes_everything() {
        assert!(Filter::default().matches(&facts()));
    }

    #[test]
    fn predicates_compare_by_the_type_of_their_field() {
        for line in [
            "outcome=failure agent_id=support-triage",
            "outcome=needs_review,failure",
            "outcome!=success",
            "duration_ms>=2000",
            "duration_ms=2000",
            "technical=true",
            "occurred_time>=1970-01-01T00:00:01Z",
            "ticket_id?",
            "task_type^=email_",
            "metadata.env=prod",
            "kind=task_completed",
        ] {
            assert!(passes(line), "{line}");
        }
        for line in [
            "outcome=failure agent_id=draft-writer",
            "outcome=success,needs_review",
            "duration_ms>=2001",
            "technical=false",
            "task_type^=ticket_",
            "agent_id=Support-Triage",
        ] {
            assert!(!passes(line), "{line}");
        }
    }

    #[test]
    fn an_absent_field_fulfils_only_not_equal() {
        for line in
            ["channel=email", "channel=email,chat", "channel?", "channel^=e", "human_edit_ms>=0"]
        {
            assert!(!passes(line), "{line}");
        }
        assert!(passes("channel!=email"));
        assert!(!passes("metadata.empty?"), "sent as empty is absent");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        let refusal = |line: &str| line.parse::<Filter>().unwrap_err().to_string();
        assert!(refusal("outcom=failure").contains("Did you mean outcome?"));
        assert!(refusal("outcome=failed").contains("success, needs_review, failure, pending"));
        assert!(refusal("duration_ms>=soon").contains("a whole number"));
        assert!(refusal("agent_id>=a").contains("numbers and times"));
        assert!(refusal("technical^=t").contains("for text"));
        let none: [&str; 0] = [];
        assert!(Predicate::new("agent_id", Operator::Equal, &none).is_err());
        assert!(Predicate::new("agent_id", Operator::Exists, &["x"]).is_err());
        assert!(Predicate::new("agent_id", Operator::In, &["x"; 33]).is_err());
        assert!(Predicate::new("agent_id", Operator::Equal, &["x".repeat(256)]).is_err());
        let many = vec![Predicate::new("agent_id", Operator::Exists, &none).unwrap(); 17];
        assert_eq!(Filter::new(many), Err(Refused::TooMany { sent: 17 }));
    }
}
