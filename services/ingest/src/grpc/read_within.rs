//! A body that must have arrived within a while.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::Frame;
use tonic::Status;
use tonic::body::Body;

type Late = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) struct ReadWithin {
    body: Body,
    late: Late,
}

impl ReadWithin {
    /// `body`, unless `late` comes first.
    pub(super) fn new(body: Body, late: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { body, late: Box::pin(late) }
    }
}

impl http_body::Body for ReadWithin {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        ready!(self.late.as_mut().poll(cx));
        let what = "the message did not arrive in time; call again, with less in it on a slow line";
        Poll::Ready(Some(Err(Status::deadline_exceeded(what))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
