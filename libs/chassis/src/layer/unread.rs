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
    if !response.headers().contains_key(Status::GRPC_STATUS)
        || response.headers().contains_key(DETAILS)
    {
        return Ok(response);
    }
    let Some(status) = Status::from_header_map(response.headers()) else { return Ok(response) };
    match status.code() {
        tonic::Code::Internal => Err(Fault::new(
            Code::InvalidArgument,
            ErrorReason::MalformedMessage,
            format!(
                "the bytes sent are not the message this call takes: {}. Generate the client anew \
                 from the contract",
                status.message()
            ),
        )),
        tonic::Code::OutOfRange => Err(Fault::exhausted(
            ErrorReason::TooLarge,
            format!("{}; send less in one call", status.message().trim_start_matches("Error, ")),
        )),
        _ => Ok(response),
    }
}
