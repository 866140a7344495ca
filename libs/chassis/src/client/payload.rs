//! What a call sends, for as often as it may be sent.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use tonic::Status;
use tonic::body::Body;

pub(super) enum Payload {
    /// The one message of a call: any number of times.
    Message(Bytes),
    /// A stream: until somebody has begun to read it.
    Stream(Slot),
}

/// Holds a stream that nobody reads yet.
type Slot = Arc<Mutex<Option<Body>>>;

impl Payload {
    /// Of a call that sends one message, with the body of the first attempt.
    pub(super) async fn message(body: Body) -> Result<(Self, Body), Status> {
        let message = body.collect().await?.to_bytes();
        let first = Body::new(Full::new(message.clone()));
        Ok((Self::Message(message), first))
    }

    /// Of a call that sends a stream, with the body of the first attempt.
    pub(super) fn stream(body: Body) -> (Self, Body) {
        let slot = Arc::new(Mutex::new(Some(body)));
        let first = Lent::of(&slot);
        (Self::Stream(slot), first)
    }

    /// The body of another attempt, if there can be one.
    pub(super) fn again(&self) -> Option<Body> {
        match self {
            Self::Message(message) => Some(Body::new(Full::new(message.clone()))),
            Self::Stream(slot) => locked(slot).is_some().then(|| Lent::of(slot)),
        }
    }
}

fn locked(slot: &Slot) -> MutexGuard<'_, Option<Body>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the stream out of its slot when it is first read.
struct Lent {
    slot: Slot,
    taken: Option<Body>,
}

impl Lent {
    fn of(slot: &Slot) -> Body {
        Body::new(Self { slot: Arc::clone(slot), taken: None })
    }
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { slot, taken } = self.get_mut();
        if taken.is_none() {
            *taken = locked(slot).take();
        }
        taken.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.taken.as_ref().is_some_and(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.taken.as_ref().map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    async fn read(body: Body) -> Bytes {
        body.collect().await.unwrap().to_bytes()
    }

    fn sent() -> Body {
        Body::new(Full::new(Bytes::from_static(b"sent")))
    }

    #[tokio::test]
    async fn a_message_is_sent_as_often_as_asked() {
        let (payload, first) = Payload::message(sent()).await.unwrap();
        assert_eq!(read(first).await, "sent");
        for _ in 0..3 {
            assert_eq!(read(payload.again().unwrap()).await, "sent");
        }
    }

    #[tokio::test]
    async fn a_stream_is_sent_again_until_somebody_has_read_of_it() {
        let (payload, first) = Payload::stream(sent());
        drop(first);
        assert_eq!(read(payload.again().unwrap()).await, "sent");
        assert!(payload.again().is_none());
    }
}
