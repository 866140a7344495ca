//! The body of an answer, watched to its end: the status is in the trailers, and the call lasts until
//! they pass or the body is dropped.

use std::future::Future as _;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use fault::{ErrorReason, Fault};
use http::HeaderMap;
use http::Response;
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::body::Body;
use tonic::{Code, Status};

use super::{Call, Side, panic};

/// Passes a body on until it ends, or until something ends it: the deadline, a drain, a panic.
pub(crate) struct CallBody {
    inner: Body,
    call: Call,
    side: Side,
    /// What the headers already said, in an answer without a body.
    status: Option<Code>,
    /// Held as long as the answer streams.
    _permit: Option<OwnedSemaphorePermit>,
    /// Fires when a draining server can wait no longer. Only looked at while the body has nothing to say.
    cut: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    cut_token: Option<CancellationToken>,
    deadline: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl CallBody {
    /// Watches what a server sends.
    pub(crate) fn serve(
        response: Response<Body>,
        call: Call,
        permit: Option<OwnedSemaphorePermit>,
        cut: CancellationToken,
    ) -> Response<Body> {
        Self::watch(response, call, Side::Server, permit, Some(cut))
    }

    /// Watches what a client receives.
    pub(crate) fn receive(response: Response<Body>, call: Call) -> Response<Body> {
        Self::watch(response, call, Side::Client, None, None)
    }

    fn watch(
        response: Response<Body>,
        mut call: Call,
        side: Side,
        permit: Option<OwnedSemaphorePermit>,
        cut_token: Option<CancellationToken>,
    ) -> Response<Body> {
        let (parts, inner) = response.into_parts();
        let status = code_in(&parts.headers);
        if inner.is_end_stream() {
            call.finish(status.unwrap_or(Code::Unknown));
            return Response::from_parts(parts, inner);
        }
        let body = Self {
            inner,
            call,
            side,
            status,
            _permit: permit,
            cut: None,
            cut_token,
            deadline: None,
            ended: false,
        };
        Response::from_parts(parts, Body::new(body))
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        // Streams make calls of their own while they are polled: inside the span, under the deadline.
        let _inside = self.call.otel().clone().attach();
        let inner = Pin::new(&mut self.inner);
        match self.side {
            Side::Client => inner.poll_frame(cx),
            Side::Server => std::panic::catch_unwind(AssertUnwindSafe(|| inner.poll_frame(cx)))
                .unwrap_or_else(|payload| Poll::Ready(Some(Err(panic::fault(&*payload).into())))),
        }
    }

    /// Whether something other than the body itself ends it now.
    fn poll_interrupted(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        if let Some(deadline) = self.call.deadline {
            let sleep =
                self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.0)));
            if sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(late());
            }
        }
        if let Some(token) = &self.cut_token {
            let cut = self.cut.get_or_insert_with(|| Box::pin(token.clone().cancelled_owned()));
            if cut.as_mut().poll(cx).is_ready() {
                return Poll::Ready(shutting_down().into());
            }
        }
        Poll::Pending
    }

    /// Ends the body with `status`: as trailers towards a client, as an error towards our own code.
    fn end(&mut self, status: Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.ended = true;
        self.call.finish(status.code());
        self.inner = Body::empty();
        let mut trailers = HeaderMap::new();
        match self.side {
            Side::Server if status.add_header(&mut trailers).is_ok() => {
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Side::Server | Side::Client => Poll::Ready(Some(Err(status))),
        }
    }
}

impl http_body::Body for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.poll_inner(cx) {
            Poll::Pending => match self.poll_interrupted(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(status) => self.end(status),
            },
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.call.finish(code_in(trailers).unwrap_or(Code::Unknown));
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(status))) => self.end(status),
            Poll::Ready(None) => {
                self.ended = true;
                let code = self.status.unwrap_or(Code::Unknown);
                self.call.finish(code);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn code_in(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|value| Code::from_bytes(value.as_bytes()))
}

pub(super) fn late() -> Status {
    Status::deadline_exceeded("the deadline passed before the answer was complete")
}

pub(super) fn shutting_down() -> Fault {
    Fault::unavailable(ErrorReason::ShuttingDown, "this server is shutting down; call again")
}
