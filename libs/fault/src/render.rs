//! A fault becomes a status: details for the caller, one log line with the cause for us.

use std::collections::HashMap;

use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};
use wire::common::v1::ErrorReason;

use crate::fault::Parts;
use crate::{Code, Fault, chain};

/// The domain of every ErrorInfo we send.
pub const DOMAIN: &str = "tally";

const REASON_PREFIX: &str = "ERROR_REASON_";

/// A status whose headers hold all details must fit what clients accept: hyper's default header list
/// is 16 KiB, and base64 adds a third. Violations beyond this budget are counted, not sent.
const VIOLATION_BYTES_MAX: usize = 6 * 1024;

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let parts = fault.into_parts();
        log(&parts);
        let mut metadata: HashMap<String, String> =
            parts.metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let mut details = ErrorDetails::new();
        let mut sent_bytes = 0;
        let total = parts.violations.len();
        let violations: Vec<FieldViolation> = parts
            .violations
            .into_iter()
            .take_while(|violation| {
                let reason = violation.reason.name();
                sent_bytes +=
                    violation.field.len() + reason.len() + violation.description.len() + 10;
                sent_bytes <= VIOLATION_BYTES_MAX
            })
            .map(|violation| FieldViolation {
                reason: violation.reason.name().to_owned(),
                ..FieldViolation::new(violation.field, violation.description)
            })
            .collect();
        if violations.len() < total {
            metadata
                .insert("violations_left_out".to_owned(), (total - violations.len()).to_string());
        }
        if !violations.is_empty() {
            details.set_bad_request(violations);
        }
        details.set_error_info(parts.reason.name(), DOMAIN, metadata);
        if parts.retry_after.is_some() {
            details.set_retry_info(parts.retry_after);
        }
        Status::with_error_details(parts.code.into(), parts.public, details)
    }
}

/// The reason a status of ours carries, if it carries one: how clients and tests read our errors.
#[must_use]
pub fn reason_of(status: &Status) -> Option<ErrorReason> {
    let info = status.get_details_error_info()?;
    (info.domain == DOMAIN)
        .then(|| ErrorReason::from_str_name(&format!("{REASON_PREFIX}{}", info.reason)))
        .flatten()
}

/// The only place a fault is logged. Refusals are the caller's business and stay at debug.
fn log(parts: &Parts) {
    let reason = parts.reason.name();
    let cause = parts.cause.as_deref().map(|cause| chain(cause));
    let cause = cause.as_deref().unwrap_or("none given");
    match parts.code {
        Code::Internal => {
            tracing::error!(reason, cause, public = %parts.public, "call failed");
        }
        Code::InvalidArgument
        | Code::Unauthenticated
        | Code::PermissionDenied
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::ResourceExhausted
        | Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Unimplemented => {
            tracing::debug!(reason, cause, code = ?parts.code, public = %parts.public, "call refused");
        }
    }
}
