//! Opening connections: patient with a peer that restarts, quick with one that is gone.

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower::{Service, ServiceExt as _};

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long calls wait for a peer that refuses connections, counted from its first refusal. A service
/// that restarts or starts beside us is back within it; afterwards calls fail at once.
const PATIENCE: Duration = Duration::from_secs(1);

const RETRY_EVERY: Duration = Duration::from_millis(25);

/// tonic tries again for every waiting call, one after the other: without a memory, ten calls to an
/// address that answers nothing would wait ten timeouts.
const REMEMBER_FAILURE: Duration = Duration::from_millis(50);

const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Connector {
    inner: HttpConnector,
    state: Arc<Mutex<State>>,
}

/// What became of the attempts so far.
#[derive(Clone, Copy, Default)]
struct State {
    failing_since: Option<Instant>,
    failed_last: Option<Instant>,
}

impl Connector {
    pub(super) fn new() -> Self {
        let mut inner = HttpConnector::new();
        inner.enforce_http(false);
        inner.set_nodelay(true);
        inner.set_keepalive(Some(TCP_KEEPALIVE));
        inner.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Self { inner, state: Arc::default() }
    }

    async fn connect(self, uri: Uri) -> io::Result<TokioIo<TcpStream>> {
        if self.state().failed_last.is_some_and(|at| at.elapsed() < REMEMBER_FAILURE) {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionRefused,
                "the peer could not be reached just now",
            ));
        }
        loop {
            let error = match self.inner.clone().oneshot(uri.clone()).await {
                Ok(stream) => {
                    self.set(State::default());
                    return Ok(stream);
                }
                Err(error) => error,
            };
            let now = Instant::now();
            let since = self.state().failing_since.unwrap_or(now);
            self.set(State { failing_since: Some(since), failed_last: None });
            if !refused(&error) || now.duration_since(since) >= PATIENCE {
                self.set(State { failing_since: Some(since), failed_last: Some(now) });
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, error));
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "waits for a socket, and decides nothing"
            )]
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// Nobody listens there yet. Anything else, such as a name that does not resolve, waiting does not cure.
fn refused(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io.kind() == io::ErrorKind::ConnectionRefused;
        }
        cause = error.source();
    }
    false
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}
