//! A subscriber on a real socket that answers as a test tells it to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, Uri};
use kernel::Timestamp;
use tokio::sync::watch;
use webhook_dispatch::domain::{BadSignature, Secret, verify};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Arrival {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn verify(&self, secret: &str, now: Timestamp) -> Result<(), BadSignature> {
        let headers = (
            self.header("webhook-id"),
            self.header("webhook-timestamp"),
            self.header("webhook-signature"),
        );
        verify(&Secret::parse(secret).unwrap(), headers, &self.body, now)
    }
}

/// What to answer next; 200 when nothing was said.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(u16),
    With(u16, Vec<(&'static str, String)>, String),
    /// Never.
    Hang,
}

#[derive(Clone)]
pub struct Sink {
    pub addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    replies: Mutex<VecDeque<Reply>>,
    always: Mutex<Option<Reply>>,
    arrivals: watch::Sender<Vec<Arrival>>,
}

impl Sink {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            replies: Mutex::default(),
            always: Mutex::default(),
            arrivals: watch::Sender::new(Vec::new()),
        });
        let router = axum::Router::new().fallback(receive).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { addr, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.addr)
    }

    /// Answers the next request so, and the one after as told next.
    pub fn next(&self, reply: Reply) {
        self.shared.replies.lock().unwrap().push_back(reply);
    }

    /// Answers every request so.
    pub fn always(&self, reply: Reply) {
        *self.shared.always.lock().unwrap() = Some(reply);
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.shared.arrivals.borrow().clone()
    }

    /// Waits until `count` requests have arrived in all.
    pub async fn arrived(&self, count: usize) -> Vec<Arrival> {
        let mut arrivals = self.shared.arrivals.subscribe();
        arrivals.wait_for(|list| list.len() >= count).await.unwrap().clone()
    }
}

async fn receive(
    State(sink): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let told = sink.replies.lock().unwrap().pop_front();
    let reply = told.or_else(|| sink.always.lock().unwrap().clone()).unwrap_or(Reply::Status(200));
    let path = uri.path().to_owned();
    sink.arrivals.send_modify(|list| list.push(Arrival { path, headers, body }));
    match reply {
        Reply::Status(status) => Response::builder().status(status).body(Body::empty()).unwrap(),
        Reply::With(status, headers, body) => {
            let response = headers
                .into_iter()
                .fold(Response::builder().status(status), |r, (n, v)| r.header(n, v));
            response.body(Body::from(body)).unwrap()
        }
        Reply::Hang => std::future::pending().await,
    }
}
