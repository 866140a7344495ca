//! What another service's refusal means to the caller of ours.

use fault::{ErrorReason, Fault};
use tonic::{Code, Status};

/// A failed call to `service`, as our own caller should see it. The status itself goes to the log.
///
/// Refusals that are about our caller's own request (NOT_FOUND and the like) are for the place that
/// made the call to interpret: here they are defects.
#[must_use]
pub fn fault_of(service: &'static str, status: Status) -> Fault {
    let fault = match status.code() {
        Code::Unavailable
        | Code::Cancelled
        | Code::Aborted
        | Code::ResourceExhausted
        | Code::Unknown => Fault::unavailable(
            ErrorReason::DependencyUnavailable,
            format!("{service} could not be reached; call again"),
        ),
        Code::DeadlineExceeded => Fault::deadline(
            ErrorReason::DependencyUnavailable,
            format!("{service} did not answer before the deadline"),
        ),
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss
        | Code::Unauthenticated => {
            Fault::internal(format!("{service} refused what we asked of it"))
        }
    };
    fault.with("service", service).because(status)
}
