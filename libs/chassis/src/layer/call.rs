//! One call, from its first byte to its trailers: its span, its duration, its status.

use opentelemetry::Context;
use tokio::time::Instant;
use tonic::Code;

use super::Method;
use crate::attr;
use crate::deadline::Deadline;
use crate::metrics::Calls;
use crate::trace::Span;

/// Which side of the wire this is: they judge a status differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// Ends its span when it is dropped: a call nobody finished was cancelled, or ran out of time.
pub(crate) struct Call {
    side: Side,
    method: Method,
    span: Span,
    calls: Calls,
    started: Instant,
    pub(crate) deadline: Option<Deadline>,
    finished: bool,
}

impl Call {
    pub(crate) fn new(
        side: Side,
        method: Method,
        mut span: Span,
        calls: Calls,
        deadline: Option<Deadline>,
    ) -> Self {
        // Calls the handler makes in turn inherit what is left of it.
        if let (Side::Server, Some(deadline)) = (side, deadline) {
            span.carry(deadline);
        }
        Self { side, method, span, calls, started: Instant::now(), deadline, finished: false }
    }

    pub(crate) fn otel(&self) -> &Context {
        self.span.otel()
    }

    /// The first status counts; what a body says after it does not.
    pub(crate) fn finish(&mut self, code: Code) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let failed = match self.side {
            Side::Server => server_failed(code),
            Side::Client => code != Code::Ok,
        };
        self.span.attr(attr::RPC_STATUS_CODE, code_name(code));
        if failed {
            self.span.fail(code_name(code));
        }
        // Now, not when the caller drops an answer it has read to its end.
        self.span.end();
        self.calls.record(self.started.elapsed().as_secs_f64(), self.method, code, failed);
    }

    fn abandoned(&self) -> Code {
        match self.deadline {
            Some(deadline) if deadline.0 <= Instant::now() => Code::DeadlineExceeded,
            _ => Code::Cancelled,
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.finish(self.abandoned());
    }
}

/// On the server only what is ours to mend is an error: a refused caller is not.
fn server_failed(code: Code) -> bool {
    match code {
        Code::Unknown
        | Code::DeadlineExceeded
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::Ok
        | Code::Cancelled
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unauthenticated => false,
    }
}

/// The name the conventions want: `DEADLINE_EXCEEDED`, not a number.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
