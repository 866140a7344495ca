//! The demo's own subscriber: a small HTTP server that checks signatures.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use kernel::Clock;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use webhook_dispatch::domain::{Secret, verify};

use crate::failure::Failure;

/// Where the subscriber listens, and what it has heard.
#[derive(Clone)]
pub(crate) struct Receiver {
    addr: SocketAddr,
    heard: Arc<Heard>,
}

struct Heard {
    clock: Arc<dyn Clock>,
    secret: Mutex<Option<Secret>>,
    verified: AtomicU64,
    refused: AtomicU64,
    news: Notify,
}

impl Receiver {
    /// Listens; it refuses everything until it knows its secret.
    pub(crate) async fn start(addr: SocketAddr, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let listener = TcpListener::bind(addr).await.map_err(|error| {
            Failure::Other(format!(
                "the demo's subscriber cannot listen on {addr}: {error}; choose another with --receiver"
            ))
        })?;
        let addr = listener.local_addr().map_err(|e| Failure::Other(e.to_string()))?;
        let heard = Arc::new(Heard {
            clock,
            secret: Mutex::new(None),
            verified: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            news: Notify::new(),
        });
        let app = Router::new().route("/hook", post(hook)).with_state(Arc::clone(&heard));
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::warn!(%error, "the demo's subscriber ended");
            }
        });
        Ok(Self { addr, heard })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.addr)
    }

    pub(crate) fn know(&self, secret: Secret) {
        *self.heard.secret.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret);
    }

    /// Deliveries whose signature fitted, and those whose did not.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let (verified, refused) = (&self.heard.verified, &self.heard.refused);
        (verified.load(Ordering::Relaxed), refused.load(Ordering::Relaxed))
    }

    /// Waits until `wanted` deliveries were verified, at most `patience`.
    pub(crate) async fn reaches(&self, wanted: u64, patience: Duration) {
        let heard = async {
            loop {
                let news = self.heard.news.notified();
                if self.counts().0 >= wanted {
                    return;
                }
                news.await;
            }
        };
        // Late deliveries are no failure of the demo: the report says how many came.
        let _ = tokio::time::timeout(patience, heard).await;
    }
}

async fn hook(State(heard): State<Arc<Heard>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let secret = heard.secret.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(secret) = secret else { return StatusCode::SERVICE_UNAVAILABLE };
    let signed = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let verdict = verify(&secret, signed, &body, heard.clock.now());
    let (counter, status) = match verdict {
        Ok(()) => (&heard.verified, StatusCode::NO_CONTENT),
        Err(_) => (&heard.refused, StatusCode::UNAUTHORIZED),
    };
    counter.fetch_add(1, Ordering::Relaxed);
    heard.news.notify_waiters();
    status
}
