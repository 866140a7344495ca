//! The HTTP/1.1 client: pooled connections, to addresses that were checked when they were made.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kernel::Clock;

use super::answer::Seen;
use super::guard::{Guard, Lookup};
use crate::domain::{AddressPolicy, Reach};

const CONNECT: Duration = Duration::from_secs(3);
/// Below the 5 s after which Node and others close an idle connection: writing to one that is just
/// being closed would cost a delivery its first attempt.
const IDLE: Duration = Duration::from_secs(4);
const IDLE_CONNECTIONS_MAX: usize = 32;

type Pool = Client<HttpsConnector<HttpConnector<Guard>>, Full<Bytes>>;

/// Two pools, because what a name may resolve to depends on how its endpoint is reached.
pub(crate) struct HttpClient {
    public: Pool,
    allowed: Pool,
}

impl HttpClient {
    pub(super) fn new(policy: &Arc<AddressPolicy>, lookup: &Arc<dyn Lookup>) -> Self {
        let pool = |reach| pool(Guard::new(Arc::clone(lookup), Arc::clone(policy), reach));
        Self { public: pool(Reach::Public), allowed: pool(Reach::Allowed) }
    }

    pub(super) async fn exchange(
        &self,
        reach: Reach,
        request: Request<Full<Bytes>>,
        clock: &dyn Clock,
    ) -> Seen {
        let pool = match reach {
            Reach::Public => &self.public,
            Reach::Allowed => &self.allowed,
        };
        match pool.request(request).await {
            Ok(response) => Seen::read(response, clock).await,
            Err(error) => Seen::failed(&error),
        }
    }
}

fn pool(guard: Guard) -> Pool {
    let mut tcp = HttpConnector::new_with_resolver(guard);
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT));
    tcp.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
        .expect("ring speaks the default TLS versions")
        // Which of the two an endpoint may use was decided with its reach.
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .build(connector)
}
