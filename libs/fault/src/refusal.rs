//! A fault as the answer to one item of a batch.

use wire::common::v1::{FieldViolation, Refusal};

use crate::Fault;

/// What a single call would have answered as its status. The cause stays behind, as in a status; a
/// refused item is the caller's business, so nothing is logged.
impl From<&Fault> for Refusal {
    fn from(fault: &Fault) -> Self {
        let violations = fault.violations().iter().map(|violation| FieldViolation {
            field: violation.field.clone(),
            reason: violation.reason.name().to_owned(),
            description: violation.description.clone(),
        });
        let metadata =
            fault.metadata().iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        Self {
            code: tonic::Code::from(fault.code()) as i32,
            reason: fault.reason().name().to_owned(),
            message: fault.public().to_owned(),
            violations: violations.collect(),
            metadata: metadata.collect(),
        }
    }
}
