//! One channel: what every outgoing call gets on its way, and how its end is told.

use std::error::Error;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, Uri};
use opentelemetry::StringValue;
use tonic::body::Body;
use tonic::{Status, TimeoutExpired, transport};
use tower::Service;

use super::payload::Payload;
use crate::layer::{Call, CallBody, Method, Side};
use crate::metrics::Calls;
use crate::trace::{self, Kind, propagation};
use crate::{StartError, attr, deadline};

/// A connection to one service, made when first needed and made again when lost. Cheap to clone; goes
/// into the generated clients.
#[derive(Clone)]
pub struct Channel {
    inner: Result<transport::Channel, Arc<str>>,
    target: Arc<Target>,
}

struct Target {
    /// Written once: it goes into every span.
    address: StringValue,
    port: u16,
    authorization: Option<HeaderValue>,
    call_timeout: Duration,
    calls: Calls,
}

impl Channel {
    pub(super) fn new(
        inner: transport::Channel,
        uri: &Uri,
        authorization: Option<HeaderValue>,
        call_timeout: Duration,
    ) -> Self {
        Self { inner: Ok(inner), target: Arc::new(Target::new(uri, authorization, call_timeout)) }
    }

    /// Fails every call with what is wrong, so that wiring stays free of errors that only a call can have.
    pub(super) fn broken(uri: &Uri, error: &StartError) -> Self {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        let message = format!("{error}{cause}");
        tracing::error!(%uri, error = message, "this channel cannot work");
        Self {
            inner: Err(message.into()),
            target: Arc::new(Target::new(uri, None, Duration::ZERO)),
        }
    }
}

impl Target {
    fn new(uri: &Uri, authorization: Option<HeaderValue>, call_timeout: Duration) -> Self {
        let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        Self {
            address: Arc::<str>::from(uri.host().unwrap_or_default()).into(),
            port: uri.port_u16().unwrap_or(default_port),
            authorization,
            call_timeout,
            calls: Calls::client(),
        }
    }

    /// Starts the span and writes the headers: trace context, deadline, credential.
    fn begin(&self, request: &mut Request<Body>) -> Call {
        let method = Method::of(request.uri().path());
        let default = (!method.streams()).then_some(self.call_timeout);
        let deadline = deadline::outgoing(request.headers_mut(), default);
        let span = trace::span(method.span_name())
            .kind(Kind::Client)
            .attr(attr::RPC_SYSTEM_NAME, attr::GRPC)
            .attr(attr::RPC_METHOD, method.name())
            .attr(attr::SERVER_ADDRESS, self.address.clone())
            .attr(attr::SERVER_PORT, i64::from(self.port))
            .start();
        let call = Call::new(Side::Client, method, span, self.calls.clone(), deadline);
        propagation::inject(call.otel(), request.headers_mut());
        if let Some(authorization) = &self.authorization
            && !request.headers().contains_key(AUTHORIZATION)
        {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        call
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    /// Always ready: waiting for the connection is part of the call, and under its deadline.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let mut call = self.target.begin(&mut request);
        let channel = self.inner.clone();
        Box::pin(async move {
            let answered = match (channel, call.deadline) {
                (Err(message), _) => Err(Status::failed_precondition(&*message)),
                (Ok(channel), None) => send(channel, request).await,
                (Ok(channel), Some(deadline)) => {
                    let sent = tokio::time::timeout_at(deadline.0, send(channel, request)).await;
                    sent.unwrap_or_else(|_| Err(late()))
                }
            };
            match answered {
                Ok(response) => Ok(CallBody::receive(response, call)),
                Err(status) => {
                    call.finish(status.code());
                    Err(status)
                }
            }
        })
    }
}

/// Connections a call may find ended before it goes to the next one. On a busy machine they end one
/// after the other under the same call; a peer that only ever ends them is not asked for ever.
const CONNECTIONS: usize = 4;

/// A connection has an age at which it ends, and takes so many calls at once. A call that is about to go
/// out on it just then is served by nobody: it is sent again on the next connection, or once more on the
/// same if it came back untouched (the rules of gRPC's transparent retries, A6). One that streams to the
/// server is, as long as nothing of it was read.
async fn send(
    channel: transport::Channel,
    request: Request<Body>,
) -> Result<Response<Body>, Status> {
    let (parts, body) = request.into_parts();
    let (payload, mut body) = if Method::of(parts.uri.path()).request_streams {
        Payload::stream(body)
    } else {
        Payload::message(body).await?
    };
    let mut unserved = Unserved::default();
    loop {
        let error = match attempt(channel.clone(), Request::from_parts(parts.clone(), body)).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        match payload.again() {
            Some(next) if unserved.may_go_again(&error) => body = next,
            // tonic times out calls by the header we wrote, and would call that CANCELLED.
            _ if expired(&error) => return Err(late()),
            _ => return Err(Status::from_error(Box::new(error))),
        }
    }
}

/// How often a call went out to be served by nobody.
#[derive(Default)]
struct Unserved {
    ended: usize,
    handed_back: bool,
}

impl Unserved {
    fn may_go_again(&mut self, error: &transport::Error) -> bool {
        if met_an_end(error) {
            self.ended += 1;
            return self.ended < CONNECTIONS;
        }
        was_handed_back(error) && !std::mem::replace(&mut self.handed_back, true)
    }
}

async fn attempt(
    mut channel: transport::Channel,
    request: Request<Body>,
) -> Result<Response<Body>, transport::Error> {
    std::future::poll_fn(|cx| channel.poll_ready(cx)).await?;
    channel.call(request).await
}

fn late() -> Status {
    Status::deadline_exceeded("the deadline passed before the call was answered")
}

fn expired(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|error| error.is::<TimeoutExpired>())
}

/// The connection ended before the call went out, or after the last one that the peer says it took.
fn met_an_end(error: &(dyn Error + 'static)) -> bool {
    let left_over = |error: &h2::Error| {
        error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
    };
    causes(error).any(|error| {
        error.downcast_ref().is_some_and(hyper::Error::is_canceled)
            || error.downcast_ref().is_some_and(left_over)
    })
}

/// The peer says it did nothing with the call.
fn was_handed_back(error: &(dyn Error + 'static)) -> bool {
    let refused = |error: &h2::Error| {
        error.is_reset() && error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
    };
    causes(error).any(|error| error.downcast_ref().is_some_and(refused))
}

/// An error and what it comes from.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
