//! The edge of a server: everything between an accepted request and the handler it is for.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use fault::Fault;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use opentelemetry::StringValue;
use opentelemetry::trace::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::body::{late, shutting_down};
use super::limit::Admission;
use super::{Access, Call, CallBody, Limits, Method, Side, panic, unread};
use crate::auth::Gate;
use crate::metrics::Calls;
use crate::trace::{Kind, SpanBuilder, propagation};
use crate::{attr, deadline};

/// A stranger's path goes into a span no further than this.
const ORIGINAL_NAME_MAX: usize = 128;

/// Wraps the routes of a server in its [`Edge`].
#[derive(Clone)]
pub(crate) struct EdgeLayer(Arc<Shared>);

struct Shared {
    /// Written once: it goes into every span.
    address: StringValue,
    port: i64,
    gate: Gate,
    limits: Limits,
    /// Cancelled shortly before a draining server cuts its connections.
    cut: CancellationToken,
    calls: Calls,
}

impl EdgeLayer {
    pub(crate) fn new(
        address: SocketAddr,
        gate: Gate,
        limits: Limits,
        cut: CancellationToken,
    ) -> Self {
        let shared = Shared {
            address: Arc::<str>::from(address.ip().to_string()).into(),
            port: address.port().into(),
            gate,
            limits,
            cut,
            calls: Calls::server(),
        };
        Self(Arc::new(shared))
    }
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge { inner, shared: Arc::clone(&self.0) }
    }
}

/// See [`EdgeLayer`].
#[derive(Clone)]
pub(crate) struct Edge<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Service<Request<Body>> for Edge<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The instance that was polled ready takes the call; its clone waits for the next one.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(shared.answer(ready, request).await) })
    }
}

impl Shared {
    async fn answer<S>(&self, handler: S, request: Request<Body>) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
        S::Future: Send,
    {
        let method = Method::of(request.uri().path());
        let mut call = self.begin(method, &request);
        let inside = call.otel().clone();
        let deadline = call.deadline;
        let answered = tokio::select! {
            biased;
            answered = self.handle(method, handler, request).with_context(inside) => {
                answered.map_err(Status::from)
            }
            () = passed(deadline) => Err(late()),
            () = self.cut.cancelled() => Err(shutting_down().into()),
        };
        match answered {
            Ok((response, admission)) => {
                CallBody::serve(response, call, admission.stream, self.cut.clone())
            }
            Err(status) => {
                call.finish(status.code());
                status.into_http()
            }
        }
    }

    /// Starts the span and the clock. No header is copied: only the path, the address we listen on.
    fn begin(&self, method: Method, request: &Request<Body>) -> Call {
        let parent = propagation::extract(request.headers());
        let mut span = SpanBuilder::new(method.span_name().into(), parent)
            .kind(Kind::Server)
            .attr(attr::RPC_SYSTEM_NAME, attr::GRPC)
            .attr(attr::RPC_METHOD, method.name())
            .attr(attr::SERVER_ADDRESS, self.address.clone())
            .attr(attr::SERVER_PORT, self.port);
        if method.access == Access::Unknown {
            let path = request.uri().path().trim_start_matches('/');
            let original: String = path.chars().take(ORIGINAL_NAME_MAX).collect();
            span = span.attr(attr::RPC_METHOD_ORIGINAL, original);
        }
        let deadline = deadline::incoming(request.headers());
        Call::new(Side::Server, method, span.start(), self.calls.clone(), deadline)
    }

    async fn handle<S>(
        &self,
        method: Method,
        mut handler: S,
        mut request: Request<Body>,
    ) -> Result<(Response<Body>, Admission), Fault>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
        S::Future: Send,
    {
        // Shedding comes before any work, also before asking who calls.
        let mut admission = self.limits.admit(method)?;
        if let Some(principal) = self.gate.admit(method, request.headers()).await? {
            request.extensions_mut().insert(principal);
        }
        let response = match panic::caught(handler.call(request)).await? {
            Ok(response) => unread::explained(response)?,
            Err(never) => match never {},
        };
        admission.work = None;
        Ok((response, admission))
    }
}

async fn passed(deadline: Option<deadline::Deadline>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.0).await,
        None => std::future::pending().await,
    }
}
