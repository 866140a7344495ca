//! What a service library hands to whoever serves it.

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;
use tonic::service::Routes;

use crate::auth::Authenticator;
use crate::config::prefix_of;

/// A `T` that is about to start.
///
/// Boxed where it is made, because an async function is compiled by whoever awaits it, with everything it
/// calls: the binary would compile every handler of every service, one crate on one core, at the end of a
/// build.
pub type Starting<'a, T> = Pin<Box<dyn Future<Output = Result<T, StartError>> + Send + 'a>>;

/// A service that has started its work and is ready to be bound to an address.
pub struct Service {
    /// `"ingest"`, `"baseline-catalog"`, …: health and logs call it this.
    pub name: &'static str,
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Its gRPC services, with limits of their own on what they decode.
    pub routes: Routes,
    /// Health says SERVING while this is true.
    pub ready: watch::Receiver<bool>,
    /// Who the API keys belong to.
    pub authenticator: Arc<dyn Authenticator>,
}

/// Why a service did not start. The message is for the operator: what to change.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StartError {
    message: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StartError {
    /// `message` says what could not be done and which variable or command cures it.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// The database of `service` cannot be opened, or holds another version's tables.
    pub fn database(service: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let prefix = prefix_of(service);
        Self::new(format!("{service} cannot use its database (TALLY_{prefix}_DATABASE_URL)"))
            .because(source)
    }

    /// Adds the cause, printed below the message.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}
