//! A subscriber: takes every webhook and remembers it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use kernel::Timestamp;
use tokio::net::TcpListener;
use webhook_dispatch::domain::{Secret, verify};

use crate::eventually;

/// One request, as it arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    headers: HeaderMap,
    body: Bytes,
}

impl Arrival {
    /// The header's value, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether somebody who knows `secret` signed it.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let secret = Secret::parse(secret).expect("the secret webhook-dispatch gave");
        let seconds = self.header("webhook-timestamp");
        let now = Timestamp::from_parts(seconds.parse().unwrap_or_default(), 0);
        let signed = (self.header("webhook-id"), seconds, self.header("webhook-signature"));
        verify(&secret, signed, &self.body, now).is_ok()
    }
}

/// Listens for as long as the runtime of the test lives, and answers 204.
#[derive(Clone)]
pub struct Sink {
    address: SocketAddr,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

impl Sink {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let sink = Self { address, arrivals: Arc::default() };
        let app = Router::new().fallback(take).with_state(sink.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        sink
    }

    /// Where it listens, with `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What has arrived so far.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `count` webhooks have arrived.
    pub async fn receives(&self, count: usize) -> Vec<Arrival> {
        eventually(&format!("webhook number {count}"), async || {
            Some(self.arrivals()).filter(|arrivals| arrivals.len() >= count)
        })
        .await
    }
}

async fn take(State(sink): State<Sink>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut arrivals = sink.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
    arrivals.push(Arrival { headers, body });
    StatusCode::NO_CONTENT
}
