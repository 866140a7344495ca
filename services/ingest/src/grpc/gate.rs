//! How many batches are served at once. One more is refused before it is read: a batch that is only refused
//! when its events meet a full queue has cost nearly what recording it would have.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use tokio::sync::Semaphore;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;

use crate::app::overloaded;

/// Lets so many calls of TrackBatch through to the service inside, and all others.
#[derive(Clone)]
pub(crate) struct Gate<S> {
    inner: S,
    batches: Arc<Semaphore>,
}

impl<S> Gate<S> {
    pub(crate) fn new(inner: S, batches: usize) -> Self {
        let batches = batches.clamp(1, Semaphore::MAX_PERMITS);
        Self { inner, batches: Arc::new(Semaphore::new(batches)) }
    }
}

impl<S: NamedService> NamedService for Gate<S> {
    const NAME: &'static str = S::NAME;
}

type Answer = Result<Response<Body>, Infallible>;

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future =
        Either<Pin<Box<dyn Future<Output = Answer> + Send>>, Either<S::Future, Ready<Answer>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if !request.uri().path().ends_with("/TrackBatch") {
            return Either::Right(Either::Left(self.inner.call(request)));
        }
        let Ok(place) = Arc::clone(&self.batches).try_acquire_owned() else {
            let refusal = Status::from(overloaded());
            return Either::Right(Either::Right(ready(Ok(refusal.into_http()))));
        };
        let answer = self.inner.call(request);
        Either::Left(Box::pin(async move {
            let answer = answer.await;
            drop(place);
            answer
        }))
    }
}
