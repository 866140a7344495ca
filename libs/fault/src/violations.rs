//! Collecting everything that is wrong with a request before refusing it.

use std::fmt::Display;

use wire::common::v1::ErrorReason;

use crate::Fault;
use crate::fault::{PUBLIC_BYTES_MAX, shortened};

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path as the protobuf names it, such as `events[3].ticket.ticket_id`.
    pub field: String,
    /// Why, as a program reads it.
    pub reason: ErrorReason,
    /// What is wrong, the limit, and what was sent.
    pub description: String,
}

/// The wrong fields of one request: parse everything, then refuse once.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Nothing is wrong yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value, or `None` and a violation of `field` with the error's own words.
    pub fn take<T, E: Display>(
        &mut self,
        field: impl Into<String>,
        parsed: Result<T, E>,
    ) -> Option<T> {
        parsed.map_err(|error| self.add(field, ErrorReason::InvalidField, error.to_string())).ok()
    }

    /// `description` says what is wrong, the limit, and what was sent or what to do.
    pub fn add(
        &mut self,
        field: impl Into<String>,
        reason: ErrorReason,
        description: impl Into<String>,
    ) {
        let description = shortened(description.into(), PUBLIC_BYTES_MAX);
        self.0.push(Violation { field: field.into(), reason, description });
    }

    /// Takes over another part's violations, their fields prefixed: `nest("events[3]", inner)`. What
    /// is wrong with the part as a whole has the empty field, and becomes the prefix itself.
    pub fn nest(&mut self, prefix: &str, inner: Violations) {
        self.0.extend(inner.0.into_iter().map(|mut violation| {
            violation.field = match violation.field.as_str() {
                "" => prefix.to_owned(),
                field => format!("{prefix}.{field}"),
            };
            violation
        }));
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many fields are wrong.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The refusal that names them all.
    #[must_use]
    pub fn into_fault(self) -> Fault {
        Fault::invalid(self)
    }

    /// `Ok` when nothing is wrong: `v.finish()?` before the values are used.
    pub fn finish(self) -> Result<(), Fault> {
        if self.is_empty() { Ok(()) } else { Err(self.into_fault()) }
    }

    pub(crate) fn into_vec(self) -> Vec<Violation> {
        self.0
    }
}
