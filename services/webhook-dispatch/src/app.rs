//! What callers can do with endpoints: load, decide, save.

use std::sync::Arc;

use async_trait::async_trait;
use fault::Fault;
use kernel::{Clock, IdSource, Partition, Timestamp, WorkspaceId};
use sha2::{Digest as _, Sha256};

use crate::domain::{
    AddressPolicy, DeliveryId, Description, Endpoint, EndpointId, EndpointState, EventType, Filter,
    Secret, Stage, Target,
};
use crate::endpoints::Endpoints;
use crate::store::{self, AttemptRecord, DeliveryRecord, Registered, Request, Store};

/// Where the ledger stands, for endpoints that begin there.
#[async_trait]
pub(crate) trait Heads: Send + Sync {
    /// Seq of the last entry of `partition`.
    async fn head(&self, partition: Partition) -> Result<i64, Fault>;
}

/// The use cases.
pub(crate) struct App {
    store: Arc<dyn Store>,
    endpoints: Arc<Endpoints>,
    heads: Arc<dyn Heads>,
    policy: AddressPolicy,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

/// An endpoint as a caller asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewEndpoint {
    pub(crate) target: Target,
    pub(crate) description: Description,
    /// Never empty.
    pub(crate) event_types: Vec<EventType>,
    pub(crate) filter: Filter,
    pub(crate) include_traceparent: bool,
}

/// Why a call was refused or broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no such endpoint")]
    NoEndpoint(EndpointId),
    #[error("no such delivery")]
    NoDelivery(DeliveryId),
    #[error("the request id was used for another request")]
    RequestReused,
    #[error("the workspace has as many endpoints as it may")]
    TooManyEndpoints,
    #[error("the ledger did not say where it stands")]
    Ledger(Fault),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl App {
    /// On one store, with the endpoints the consumer sees.
    pub(crate) fn new(
        (store, endpoints): (Arc<dyn Store>, Arc<Endpoints>),
        heads: Arc<dyn Heads>,
        policy: AddressPolicy,
        context: &chassis::Context,
    ) -> Self {
        let (clock, ids) = (Arc::clone(&context.clock), Arc::clone(&context.ids));
        Self { store, endpoints, heads, policy, clock, ids }
    }

    /// Which addresses may be registered.
    pub(crate) fn policy(&self) -> &AddressPolicy {
        &self.policy
    }

    /// Registers an endpoint; a repeated `request_id` gives back what it gave before.
    pub(crate) async fn create(
        &self,
        workspace: WorkspaceId,
        new: NewEndpoint,
        request_id: Option<&str>,
    ) -> Result<Endpoint, Error> {
        let request = request_id.map(|id| request(workspace, id, &new));
        // Asked before the endpoint is written: what is tracked after the answer is behind this.
        let after_seq = self.heads.head(workspace.partition()).await.map_err(Error::Ledger)?;
        let now = self.clock.now();
        let number = self.ids.next_i64();
        let endpoint = Endpoint {
            id: EndpointId::new(number).expect("an id source draws positive numbers"),
            workspace,
            target: new.target,
            description: new.description,
            event_types: new.event_types,
            filter: new.filter,
            include_traceparent: new.include_traceparent,
            secret: Secret::generate(&*self.ids),
            after_seq,
            state: EndpointState::Enabled,
            created: now,
            updated: now,
        };
        match self.store.register(endpoint.clone(), request).await? {
            Registered::New => {
                self.endpoints.forget(workspace.partition());
                Ok(endpoint)
            }
            Registered::Replayed(before) => Ok(*before),
            Registered::Reused => Err(Error::RequestReused),
            Registered::Full => Err(Error::TooManyEndpoints),
        }
    }

    /// An endpoint that is not deleted.
    pub(crate) async fn get(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
    ) -> Result<Endpoint, Error> {
        match self.store.find(workspace, id).await? {
            Some(endpoint) if endpoint.state != EndpointState::Deleted => Ok(endpoint),
            Some(_) | None => Err(Error::NoEndpoint(id)),
        }
    }

    /// The workspace's endpoints behind `after`, oldest first, at most `limit`.
    pub(crate) async fn list(
        &self,
        workspace: WorkspaceId,
        after: Option<(Timestamp, EndpointId)>,
        limit: u64,
    ) -> Result<Vec<Endpoint>, Error> {
        Ok(self.store.page(workspace, after, limit).await?)
    }

    /// Deletes an endpoint, again if need be.
    pub(crate) async fn delete(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
    ) -> Result<Endpoint, Error> {
        let deleted = self.store.delete(workspace, id, self.clock.now()).await?;
        self.endpoints.forget(workspace.partition());
        deleted.ok_or(Error::NoEndpoint(id))
    }

    /// An endpoint's deliveries below a seq, newest event first, at most `limit`. A deleted endpoint
    /// will do.
    pub(crate) async fn deliveries(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
        stages: &[Stage],
        (below, limit): (Option<i64>, u64),
    ) -> Result<Vec<DeliveryRecord>, Error> {
        if self.store.find(workspace, id).await?.is_none() {
            return Err(Error::NoEndpoint(id));
        }
        Ok(self.store.deliveries(workspace, id, stages, below, limit).await?)
    }

    /// A delivery's attempts behind a number, first one first, at most `limit`.
    pub(crate) async fn attempts(
        &self,
        workspace: WorkspaceId,
        id: DeliveryId,
        (after, limit): (u32, u64),
    ) -> Result<Vec<AttemptRecord>, Error> {
        self.store.attempts(workspace, id, after, limit).await?.ok_or(Error::NoDelivery(id))
    }
}

fn request(workspace: WorkspaceId, id: &str, new: &NewEndpoint) -> Request {
    let mut key = [0; 16];
    key.copy_from_slice(&hash(&[&workspace.get().to_string(), id])[..16]);
    let types: Vec<&str> = new.event_types.iter().map(|t| t.as_str()).collect();
    let fingerprint = hash(&[
        new.target.as_str(),
        new.description.as_str(),
        &types.join(" "),
        &new.filter.to_string(),
        if new.include_traceparent { "traceparent" } else { "" },
    ]);
    Request { key, fingerprint }
}

fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps "a" + "bc" apart from "ab" + "c".
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
