//! Serving: bind, answer, drain.

mod drain;
mod health;
mod incoming;
mod reflection;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::auth::Gate;
use crate::config::prefix_of;
use crate::layer::{EdgeLayer, Limits};
use crate::{Context, Service, StartError, Starting};
use drain::Drain;
use health::Health;
use incoming::Incoming;

/// HTTP/2 windows, on both sides of every connection. h2 closes a connection on which many small frames
/// wait unread, and its budget for them is half the connection window: at the default of 64 KiB, some
/// 3,000 tiny calls at once end it.
pub(crate) const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;
pub(crate) const STREAM_WINDOW: u32 = 1024 * 1024;

pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Unset means unlimited in tonic.
const STREAMS_PER_CONNECTION: u32 = 1_000;

/// What the metadata of a call may weigh.
const HEADER_LIST_MAX: u32 = 16 * 1024;

/// Connections are asked to end after ten minutes or a little more, so that replicas share the load
/// again. Jittered, or every client comes back at once.
///
/// No `max_connection_age_grace`: with one, tonic 0.14.9 skips the polite GOAWAY and cuts the connection
/// when age and grace have passed, calls in flight included.
const CONNECTION_AGE: Duration = Duration::from_secs(600);
const CONNECTION_AGE_JITTER: Duration = Duration::from_secs(120);

/// How many resets a client may cause before it is taken for an attacker; h2's defaults, made explicit.
const PENDING_RESETS_MAX: usize = 20;
const ERROR_RESETS_MAX: usize = 1_024;

/// A server at work.
pub struct Serving {
    /// The service behind it.
    pub name: &'static str,
    /// The address it is bound to: the real port where 0 was asked for.
    pub addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Serving {
    /// Resolves when the server has drained or given up draining. `false` when it ended by a defect.
    pub async fn ended(self) -> bool {
        match self.task.await {
            Ok(()) => true,
            Err(defect) => {
                tracing::error!(service = self.name, error = %defect, "the server ended by itself");
                false
            }
        }
    }

    /// Whether it has ended already.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }
}

/// Binds `service` and answers calls until `ctx.stop` is cancelled, then drains: health turns
/// NOT_SERVING, calls in flight finish, streams that stay open are ended with UNAVAILABLE, and after
/// `ctx.transport.drain` whatever is left is cut.
pub fn serve(service: Service, ctx: &Context) -> Starting<'_, Serving> {
    Box::pin(bind(service, ctx))
}

async fn bind(service: Service, ctx: &Context) -> Result<Serving, StartError> {
    let Service { name, listen, routes, ready, authenticator } = service;
    let transport = &ctx.transport;
    let health = Health::new(name, ready, ctx.stop.clone());
    let mut routes = routes.add_service(health.server());
    if transport.reflection {
        routes = reflection::add(routes).await?;
    }

    let listener = TcpListener::bind(listen).await.map_err(|error| {
        StartError::new(format!(
            "{name} could not listen on {listen}: set TALLY_{}_LISTEN to an address that is free",
            prefix_of(name)
        ))
        .because(error)
    })?;
    let addr = listener.local_addr().map_err(|error| {
        StartError::new(format!("{name} has no address to listen on")).because(error)
    })?;

    let cut = CancellationToken::new();
    let sever = CancellationToken::new();
    let edge = EdgeLayer::new(
        addr,
        Gate::new(name, &ctx.service_token, authenticator),
        Limits::new(transport.calls_max, transport.streams_max),
        cut.clone(),
    );
    let mut builder = settings(jittered(ctx));
    if let Some(tls) = transport.tls.server()? {
        builder = builder.tls_config(tls).map_err(|error| {
            StartError::new(format!(
                "{name} cannot use the certificates named by TALLY_TLS_CERT, TALLY_TLS_KEY and TALLY_TLS_CLIENT_CA"
            ))
            .because(error)
        })?;
    }
    let incoming = Incoming::new(listener, transport.greeting, sever.clone());
    let stop = ctx.stop.clone();
    let serving = builder
        .layer(edge)
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned());
    let drain = Drain { name, stop: ctx.stop.clone(), cut, sever, patience: transport.drain };
    tracing::info!(service = name, %addr, tls = transport.tls.identity.is_some(), "listening");
    Ok(Serving { name, addr, task: tokio::spawn(drain.watch(serving)) })
}

fn settings(age: Duration) -> Server {
    Server::builder()
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_header_list_size(HEADER_LIST_MAX)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(ERROR_RESETS_MAX))
        .max_connection_age(age)
}

fn jittered(ctx: &Context) -> Duration {
    let spread = u64::try_from(CONNECTION_AGE_JITTER.as_millis()).unwrap_or(u64::MAX).max(1);
    CONNECTION_AGE + Duration::from_millis(ctx.ids.next_i64().unsigned_abs() % spread)
}
