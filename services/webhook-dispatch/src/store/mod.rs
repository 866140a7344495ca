//! What is kept: endpoints, deliveries, attempts. One method is one transaction and one business fact.

mod agenda;
mod bulk;
mod entity;
mod migration;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod plans;
mod row;
mod sql;

use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Partition, Timestamp, TraceContext, WorkspaceId};

use crate::domain::{Answer, Delivery, DeliveryId, Endpoint, EndpointId, EventType, Stage};

pub use db::Error;
pub use migration::Migrator;
pub use sql::SqlStore;
pub use tail::Cursor;

/// Endpoints of a workspace that are not deleted: what one event can cost at most.
pub const ENDPOINTS_MAX: u64 = 100;

/// The tables, as the service needs them.
#[async_trait]
pub trait Store: Send + Sync {
    /// Adds an endpoint, unless its request was answered before.
    async fn register(
        &self,
        endpoint: Endpoint,
        request: Option<Request>,
    ) -> Result<Registered, Error>;

    /// The endpoint in whatever state, if the workspace ever had it.
    async fn find(&self, workspace: WorkspaceId, id: EndpointId)
    -> Result<Option<Endpoint>, Error>;

    /// Endpoints that are not deleted, oldest first, behind `after`.
    async fn page(
        &self,
        workspace: WorkspaceId,
        after: Option<(Timestamp, EndpointId)>,
        limit: u64,
    ) -> Result<Vec<Endpoint>, Error>;

    /// Deletes an endpoint and gives up its pending deliveries. `None` when the workspace has none such.
    async fn delete(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
        at: Timestamp,
    ) -> Result<Option<Endpoint>, Error>;

    /// Every enabled endpoint of a partition, with the version of that answer.
    async fn roster(&self, partition: Partition) -> Result<Roster, Error>;

    /// Writes what became of a batch and moves the cursor, unless the roster it was planned with has
    /// changed meanwhile. Endpoints that answered 410 are switched off.
    async fn record(
        &self,
        partition: Partition,
        batch: Recording,
        cursor: Box<dyn Cursor>,
    ) -> Result<(), RecordError>;

    /// Partitions with a delivery due by `horizon`, with the earliest time. Costs the same whatever the
    /// backlog is, and so do the two below.
    async fn agenda(&self, horizon: Timestamp) -> Result<Vec<(Partition, Timestamp)>, Error>;

    /// Endpoints with a delivery due at `now`, with the earliest time; the longest overdue first.
    async fn waiting(
        &self,
        partition: Partition,
        now: Timestamp,
    ) -> Result<Vec<(EndpointId, Timestamp)>, Error>;

    /// Deliveries due at `now` of these endpoints, of each at most as many as is said and those that are
    /// longest overdue; the longest overdue first.
    async fn due(
        &self,
        partition: Partition,
        now: Timestamp,
        of: &[(EndpointId, u64)],
    ) -> Result<Vec<Due>, Error>;

    /// Takes deliveries until `until`; answers those whose due time was still what it is said to be.
    async fn claim(
        &self,
        partition: Partition,
        wanted: &[(DeliveryId, Timestamp)],
        until: Timestamp,
    ) -> Result<Vec<DeliveryId>, Error>;

    /// Writes what became of claimed deliveries. One whose claim has passed on keeps its state; the
    /// attempt is noted all the same. Endpoints that answered 410 are switched off.
    async fn settle(&self, partition: Partition, settlements: Vec<Settlement>)
    -> Result<(), Error>;

    /// Deliveries of an endpoint in one of `stages` (empty: any), newest event first, below `below`.
    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        stages: &[Stage],
        below: Option<i64>,
        limit: u64,
    ) -> Result<Vec<DeliveryRecord>, Error>;

    /// Attempts of a delivery, first one first, behind number `after`. `None` when the workspace has no
    /// such delivery.
    async fn attempts(
        &self,
        workspace: WorkspaceId,
        delivery: DeliveryId,
        after: u32,
        limit: u64,
    ) -> Result<Option<Vec<AttemptRecord>>, Error>;
}

/// What makes a repeated CreateEndpoint recognisable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Hash of the workspace and the request's id.
    pub key: [u8; 16],
    /// Hash of everything else that was asked for.
    pub fingerprint: [u8; 32],
}

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// Written.
    New,
    /// The same request was answered before, with this endpoint; as it stands now.
    Replayed(Box<Endpoint>),
    /// The request's id was used before for something else. Nothing was written.
    Reused,
    /// The workspace has as many as it may. Nothing was written.
    Full,
}

/// The enabled endpoints of one partition at one moment.
#[derive(Debug, Clone)]
pub struct Roster {
    /// Grows with every change to any endpoint of the partition.
    pub version: i64,
    pub endpoints: Vec<Endpoint>,
}

/// What became of one batch.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Version of the roster it was planned with.
    pub roster: i64,
    pub deliveries: Vec<NewDelivery>,
}

/// A delivery after its first attempt, or still waiting for its answer.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    pub id: DeliveryId,
    pub workspace: WorkspaceId,
    pub event_type: EventType,
    pub state: Delivery,
    pub created: Timestamp,
    /// What is sent; kept until it has arrived.
    pub body: Bytes,
    /// The span that tracked the event.
    pub event_trace: Option<TraceContext>,
    /// What came back, if anything has yet.
    pub answer: Option<Answer>,
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Endpoints changed since the batch was planned: plan again, so that no new one misses it.
    #[error("the endpoints of the partition have changed")]
    Stale,
    /// As the tail knows it: fenced, or the database failed.
    #[error(transparent)]
    Tail(#[from] tail::Error),
}

impl From<Error> for RecordError {
    fn from(error: Error) -> Self {
        Self::Tail(error.into())
    }
}

impl From<sea_orm::DbErr> for RecordError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Tail(error.into())
    }
}

/// A delivery that waits for its next attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub id: DeliveryId,
    pub workspace: WorkspaceId,
    pub attempts: u32,
    pub due: Timestamp,
    pub created: Timestamp,
    pub body: Bytes,
    pub event_trace: Option<TraceContext>,
    /// The span of the attempt before.
    pub attempt_trace: Option<TraceContext>,
}

/// What became of a claimed delivery.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub id: DeliveryId,
    /// Until when it was claimed.
    pub claimed: Timestamp,
    pub state: Delivery,
    /// `None` when it was given up without another attempt.
    pub answer: Option<Answer>,
}

/// A delivery as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    pub id: DeliveryId,
    pub event_type: EventType,
    pub state: Delivery,
    pub created: Timestamp,
}

/// An attempt as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    pub delivery: DeliveryId,
    pub number: u32,
    pub answer: Answer,
}
