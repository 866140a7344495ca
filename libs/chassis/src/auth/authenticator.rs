//! From an API key to whoever holds it.

use async_trait::async_trait;
use fault::Fault;

use super::Principal;

/// Ingest asks its own store; every other service asks ingest ([`super::Remote`]).
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Whom `key` belongs to.
    ///
    /// UNAUTHENTICATED when it is malformed, unknown, revoked or expired; UNAVAILABLE when that cannot be
    /// found out. Never lets anybody in on doubt.
    async fn authenticate(&self, key: &str) -> Result<Principal, Fault>;
}
