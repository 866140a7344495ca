//! The resolver of the connector: it hands out only addresses that webhooks may reach, so that the
//! address that was checked is the address that is dialled, at every connection anew.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use crate::domain::{AddressPolicy, Reach};

/// From a name to addresses. The system's own in production; a table in tests that rebind.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// Every address of `host`, with port 0.
    async fn lookup(&self, host: &str) -> io::Result<Vec<SocketAddr>>;
}

/// What the system's resolver says.
#[derive(Debug)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.collect())
    }
}

/// A lookup behind a policy.
#[derive(Clone)]
pub(super) struct Guard {
    lookup: Arc<dyn Lookup>,
    policy: Arc<AddressPolicy>,
    reach: Reach,
}

impl Guard {
    pub(super) fn new(lookup: Arc<dyn Lookup>, policy: Arc<AddressPolicy>, reach: Reach) -> Self {
        Self { lookup, policy, reach }
    }

    async fn resolve(self, host: String) -> Result<Vec<SocketAddr>, Unresolved> {
        let found = self.lookup.lookup(&host).await;
        let addresses = found.map_err(|_| Unresolved::Unknown)?;
        if addresses.is_empty() {
            return Err(Unresolved::Unknown);
        }
        // One bad address condemns the name: whoever mixes public and inner ones is trying something.
        for address in &addresses {
            let checked = self.policy.check(self.reach, address.ip());
            checked.map_err(|_| Unresolved::Forbidden)?;
        }
        Ok(addresses)
    }
}

/// Why a name gave no address to dial. Says no address: inner names are nobody's business outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unresolved {
    #[error("the name does not resolve")]
    Unknown,
    #[error("the name leads to an address webhooks must not reach")]
    Forbidden,
}

impl Service<Name> for Guard {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Unresolved;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Unresolved>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolved = self.clone().resolve(name.as_str().to_owned());
        Box::pin(async move { Ok(resolved.await?.into_iter()) })
    }
}
