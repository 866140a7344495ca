//! A service behind its real edge, on a free port of this process, with keys the test makes up.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chassis::auth::{Authenticator, Principal};
use chassis::{Channel, Context, Service, Serving, Transport};
use fault::{ErrorReason, Fault};
use http::Uri;
use kernel::{Clock, WorkspaceId};
use secrecy::SecretString;
use wire::common::v1::Scope;

use crate::SeededIds;

/// The service credential of every [`context`].
pub const SERVICE_TOKEN: &str = "test-service-token";

/// Long enough for a loaded machine, short enough that a test which hangs says so.
const DRAIN: Duration = Duration::from_secs(5);

/// A context for services under test: the clock of the test, seeded ids, a short drain.
#[must_use]
pub fn context(clock: Arc<dyn Clock>) -> Context {
    context_with(clock, Transport { drain: DRAIN, ..Transport::default() })
}

/// The same with other limits.
#[must_use]
pub fn context_with(clock: Arc<dyn Clock>, transport: Transport) -> Context {
    Context::new(clock, Arc::new(SeededIds::new(1)), SERVICE_TOKEN.into(), transport)
}

/// Keys a test made up. Others are passed on to the authenticator the service came with.
#[derive(Clone, Default)]
pub struct Keys {
    known: Arc<Mutex<HashMap<String, Principal>>>,
    otherwise: Option<Arc<dyn Authenticator>>,
}

impl Keys {
    /// No keys, and nobody else to ask.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on `key` is `principal`.
    pub fn insert(&self, key: &str, principal: Principal) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), principal);
    }

    /// From now on nobody holds `key`.
    pub fn remove(&self, key: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[async_trait]
impl Authenticator for Keys {
    async fn authenticate(&self, key: &str) -> Result<Principal, Fault> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        match (known, &self.otherwise) {
            (Some(principal), _) => Ok(principal),
            (None, Some(otherwise)) => otherwise.authenticate(key).await,
            (None, None) => Err(Fault::unauthenticated(
                ErrorReason::UnknownCredentials,
                "nobody holds this key",
            )),
        }
    }
}

/// A served service. It drains when the context it was served with is stopped.
pub struct Server {
    pub addr: SocketAddr,
    pub keys: Keys,
    ctx: Context,
    serving: Serving,
}

/// Serves `service` on a free port, with [`Keys`] in front of its own authenticator.
pub async fn serve(service: Service, ctx: &Context) -> Server {
    let keys = Keys { otherwise: Some(Arc::clone(&service.authenticator)), ..Keys::default() };
    let service = Service {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        authenticator: Arc::new(keys.clone()),
        ..service
    };
    let serving = chassis::serve(service, ctx).await.expect("a free port of this machine");
    Server { addr: serving.addr, keys, ctx: ctx.clone(), serving }
}

impl Server {
    #[must_use]
    pub fn uri(&self) -> Uri {
        format!("http://{}", self.addr).parse().expect("an address is a URI")
    }

    /// A channel of its own connection, calling as `principal`.
    #[must_use]
    pub fn channel(&self, principal: Principal) -> Channel {
        if principal.is_service() {
            return self.service_channel();
        }
        let key = format!("test-key-{}", self.ctx.ids.next_i64());
        self.keys.insert(&key, principal);
        self.channel_with_key(Some(&key))
    }

    /// Calling as a key of `workspace` with `scopes`.
    #[must_use]
    pub fn channel_for(&self, workspace: WorkspaceId, scopes: &[Scope]) -> Channel {
        self.channel(Principal::key(workspace, "test-key", scopes.to_vec()))
    }

    /// Calling with a key as it is, or with none.
    #[must_use]
    pub fn channel_with_key(&self, key: Option<&str>) -> Channel {
        let key = key.map(SecretString::from);
        chassis::connect_with_key(&self.uri(), "test", key.as_ref(), &self.ctx.transport)
    }

    /// Calling with the service credential.
    #[must_use]
    pub fn service_channel(&self) -> Channel {
        chassis::connect(&self.uri(), "test", &self.ctx)
    }

    /// Stops the context and waits for the server to drain and for the work behind it, such as leases
    /// given back, so that a second one on the same database finds them free; `false` when the server ended
    /// by a defect.
    pub async fn stop(self) -> bool {
        let Self { keys, ctx, serving, .. } = self;
        ctx.stop.cancel();
        let ended = serving.ended().await;
        // The last handle on the service: tasks that serve whoever holds one end with it.
        drop(keys);
        ctx.tasks.close();
        // What does not end by itself is another test's matter.
        let _ = tokio::time::timeout(DRAIN, ctx.tasks.wait()).await;
        ended
    }

    /// Waits for the server to end, however that comes about.
    pub async fn ended(self) -> bool {
        self.serving.ended().await
    }
}
