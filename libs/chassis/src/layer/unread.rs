//! What is said to a caller whose message could not be read.
//!
//! tonic answers for itself here: INTERNAL for bytes that are no such message, OUT_OF_RANGE for too many of
//! them. Both are the caller's to mend, and retry rules read INTERNAL as ours.

use fault::{Code, ErrorReason, Fault};
use http::Response;
use tonic::Status;
use tonic::body::Body;

/// Where our own statuses carry their reason. tonic's have none.
const DETAILS: &str = "grpc-status-details-bin";

/// Passes on what a handler answered; a fault in place of a status that tonic made before there was one.
pub(super) fn explained(response: Response<Body>) -> Result<Response<Body>, Fault> {
    let headers = response.headers();
    if headers.contains_key(DETAILS) {
        return Ok(response);
    }
    match Status::from_header_map(headers).as_ref().and_then(fault) {
        Some(fault) => Err(fault),
        None => Ok(response),
    }
}

/// What a handler answers when a message in its stream of requests could not be read.
#[must_use]
pub fn unread(status: Status) -> Status {
    fault(&status).map_or(status, Status::from)
}

fn fault(status: &Status) -> Option<Fault> {
    match status.code() {
        tonic::Code::Internal => Some(Fault::new(
            Code::InvalidArgument,
            ErrorReason::MalformedMessage,
            format!(
                "the bytes sent are not the message this call takes: {}. Generate the client anew \
                 from the contract",
                status.message()
            ),
        )),
        tonic::Code::OutOfRange => Some(Fault::exhausted(
            ErrorReason::TooLarge,
            format!("{}; send less in one call", status.message().trim_start_matches("Error, ")),
        )),
        _ => None,
    }
}
