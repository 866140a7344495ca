//! The store on SQLite and PostgreSQL. Nothing here asks which.

use async_trait::async_trait;
use db::Db;
use kernel::{Partition, Timestamp, WorkspaceId};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait,
    DatabaseTransaction, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::entity::{attempt, delivery, endpoint, roster};
use super::{
    AttemptRecord, Cursor, DeliveryRecord, Due, ENDPOINTS_MAX, Error, RecordError, Recording,
    Registered, Request, Roster, Settlement, Store, agenda, bulk, row,
};
use crate::domain::{Answer, DeliveryId, Endpoint, EndpointId, EndpointState, Stage};

/// The tables of this service.
#[derive(Debug, Clone)]
pub struct SqlStore {
    db: Db,
}

impl SqlStore {
    /// On a database that is migrated.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    async fn find_row(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
    ) -> Result<Option<endpoint::Model>, Error> {
        let found = endpoint::Entity::find_by_id((row::partition_of(workspace), id.get()))
            .filter(endpoint::Column::Workspace.eq(workspace.get()))
            .one(self.db.reader())
            .await?;
        Ok(found)
    }

    /// What a request's id was used for before.
    async fn replay(
        &self,
        workspace: WorkspaceId,
        request: &Request,
    ) -> Result<Option<Registered>, Error> {
        let found = endpoint::Entity::find()
            .filter(endpoint::Column::Partition.eq(row::partition_of(workspace)))
            .filter(endpoint::Column::RequestKey.eq(request.key.to_vec()))
            .one(self.db.reader())
            .await?;
        let Some(found) = found else { return Ok(None) };
        if found.request_hash.as_deref() != Some(&request.fingerprint[..]) {
            return Ok(Some(Registered::Reused));
        }
        Ok(Some(Registered::Replayed(Box::new(row::endpoint(found)?))))
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn register(
        &self,
        endpoint: Endpoint,
        request: Option<Request>,
    ) -> Result<Registered, Error> {
        let workspace = endpoint.workspace;
        if let Some(request) = &request
            && let Some(before) = self.replay(workspace, request).await?
        {
            return Ok(before);
        }
        let new = row::new_endpoint(&endpoint, request.as_ref());
        let written = self
            .db
            .write(move |txn| {
                Box::pin(async move {
                    // First of all: racing registrations wait here, so that each counts the others.
                    bump(txn, row::partition_of(workspace)).await?;
                    if count(txn, workspace).await? >= ENDPOINTS_MAX {
                        return Ok(Registered::Full);
                    }
                    new.insert(txn).await?;
                    Ok::<_, Error>(Registered::New)
                })
            })
            .await;
        match (written, request) {
            (Ok(registered), _) => Ok(registered),
            // A twin was faster.
            (Err(Error::Conflict(cause)), Some(request)) => {
                self.replay(workspace, &request).await?.ok_or(Error::Conflict(cause))
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn find(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
    ) -> Result<Option<Endpoint>, Error> {
        self.find_row(workspace, id).await?.map(row::endpoint).transpose()
    }

    async fn page(
        &self,
        workspace: WorkspaceId,
        after: Option<(Timestamp, EndpointId)>,
        limit: u64,
    ) -> Result<Vec<Endpoint>, Error> {
        use endpoint::Column;
        let mut query = endpoint::Entity::find()
            .filter(Column::Partition.eq(row::partition_of(workspace)))
            .filter(Column::Workspace.eq(workspace.get()))
            .filter(Column::State.ne(row::state_word(EndpointState::Deleted)));
        if let Some((created, id)) = after {
            let later = Column::CreatedTime.gt(created.micros());
            let same = Column::CreatedTime.eq(created.micros()).and(Column::Endpoint.gt(id.get()));
            query = query.filter(Condition::any().add(later).add(same));
        }
        let rows = query
            .order_by_asc(Column::CreatedTime)
            .order_by_asc(Column::Endpoint)
            .limit(limit)
            .all(self.db.reader())
            .await?;
        rows.into_iter().map(row::endpoint).collect()
    }

    async fn delete(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
        at: Timestamp,
    ) -> Result<Option<Endpoint>, Error> {
        let Some(found) = self.find_row(workspace, id).await? else { return Ok(None) };
        if found.state != row::state_word(EndpointState::Deleted) {
            let partition = found.partition;
            self.db
                .write(move |txn| {
                    Box::pin(close(txn, partition, vec![id], EndpointState::Deleted, at))
                })
                .await?;
        }
        self.find(workspace, id).await
    }

    async fn roster(&self, partition: Partition) -> Result<Roster, Error> {
        // The version first: what changes in between is seen as a change later, never missed.
        let version = version(self.db.reader(), partition.get()).await?;
        let rows = endpoint::Entity::find()
            .filter(endpoint::Column::Partition.eq(partition.get()))
            .filter(endpoint::Column::State.eq(row::state_word(EndpointState::Enabled)))
            .all(self.db.reader())
            .await?;
        let endpoints = rows.into_iter().map(row::endpoint).collect::<Result<_, _>>()?;
        Ok(Roster { version, endpoints })
    }

    async fn record(
        &self,
        partition: Partition,
        batch: Recording,
        cursor: Box<dyn Cursor>,
    ) -> Result<(), RecordError> {
        self.db.write(move |txn| Box::pin(record(txn, partition, batch, cursor))).await
    }

    async fn agenda(&self, horizon: Timestamp) -> Result<Vec<(Partition, Timestamp)>, Error> {
        agenda::partitions(self.db.reader(), horizon).await
    }

    async fn waiting(
        &self,
        partition: Partition,
        now: Timestamp,
    ) -> Result<Vec<(EndpointId, Timestamp)>, Error> {
        agenda::endpoints(self.db.reader(), partition, now).await
    }

    async fn due(
        &self,
        partition: Partition,
        now: Timestamp,
        of: &[(EndpointId, u64)],
    ) -> Result<Vec<Due>, Error> {
        agenda::due(self.db.reader(), partition, now, of).await
    }

    async fn claim(
        &self,
        partition: Partition,
        wanted: &[(DeliveryId, Timestamp)],
        until: Timestamp,
    ) -> Result<Vec<DeliveryId>, Error> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let statement = bulk::claim(self.db.backend(), partition, wanted, until);
        let rows = self
            .db
            .write(move |txn| {
                Box::pin(async move { Ok::<_, Error>(txn.query_all_raw(statement).await?) })
            })
            .await?;
        let id = |row: &sea_orm::QueryResult| -> Result<DeliveryId, Error> {
            let number: i64 = row.try_get("", "endpoint")?;
            let endpoint = EndpointId::new(number)
                .ok_or_else(|| Error::corrupt("delivery", "endpoint", number))?;
            Ok(DeliveryId { endpoint, seq: row.try_get("", "seq")? })
        };
        rows.iter().map(id).collect()
    }

    async fn settle(
        &self,
        partition: Partition,
        settlements: Vec<Settlement>,
    ) -> Result<(), Error> {
        if settlements.is_empty() {
            return Ok(());
        }
        self.db.write(move |txn| Box::pin(settle(txn, partition, settlements))).await
    }

    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        stages: &[Stage],
        below: Option<i64>,
        limit: u64,
    ) -> Result<Vec<DeliveryRecord>, Error> {
        use delivery::Column;
        let mut query = delivery::Entity::find()
            .filter(Column::Partition.eq(row::partition_of(workspace)))
            .filter(Column::Endpoint.eq(endpoint.get()))
            .filter(Column::Workspace.eq(workspace.get()));
        if !stages.is_empty() {
            query = query
                .filter(Column::State.is_in(stages.iter().map(|stage| row::stage_word(*stage))));
        }
        if let Some(seq) = below {
            query = query.filter(Column::Seq.lt(seq));
        }
        let rows = query.order_by_desc(Column::Seq).limit(limit).all(self.db.reader()).await?;
        rows.iter().map(row::delivery).collect()
    }

    async fn attempts(
        &self,
        workspace: WorkspaceId,
        id: DeliveryId,
        after: u32,
        limit: u64,
    ) -> Result<Option<Vec<AttemptRecord>>, Error> {
        let partition = row::partition_of(workspace);
        let known = delivery::Entity::find_by_id((partition, id.endpoint.get(), id.seq))
            .filter(delivery::Column::Workspace.eq(workspace.get()))
            .one(self.db.reader())
            .await?;
        if known.is_none() {
            return Ok(None);
        }
        use attempt::Column;
        let rows = attempt::Entity::find()
            .filter(Column::Partition.eq(partition))
            .filter(Column::Endpoint.eq(id.endpoint.get()))
            .filter(Column::Seq.eq(id.seq))
            .filter(Column::Number.gt(after))
            .order_by_asc(Column::Number)
            .limit(limit)
            .all(self.db.reader())
            .await?;
        rows.into_iter().map(|found| row::attempt(id, found)).collect::<Result<_, _>>().map(Some)
    }
}

async fn version(connection: &impl ConnectionTrait, partition: i16) -> Result<i64, sea_orm::DbErr> {
    let found = roster::Entity::find_by_id(partition).one(connection).await?;
    Ok(found.map_or(0, |row| row.version))
}

async fn count(txn: &DatabaseTransaction, workspace: WorkspaceId) -> Result<u64, Error> {
    let found = endpoint::Entity::find()
        .filter(endpoint::Column::Partition.eq(row::partition_of(workspace)))
        .filter(endpoint::Column::Workspace.eq(workspace.get()))
        .filter(endpoint::Column::State.ne(row::state_word(EndpointState::Deleted)))
        .count(txn)
        .await?;
    Ok(found)
}

/// Tells consumers in other transactions that the partition's endpoints are not what they were.
async fn bump(txn: &DatabaseTransaction, partition: i16) -> Result<(), Error> {
    let next = Expr::col((roster::Entity, roster::Column::Version)).add(1);
    roster::Entity::insert(roster::ActiveModel { partition: Set(partition), version: Set(1) })
        .on_conflict(
            OnConflict::column(roster::Column::Partition)
                .value(roster::Column::Version, next)
                .to_owned(),
        )
        .exec_without_returning(txn)
        .await?;
    Ok(())
}

/// Ends endpoints, and their pending deliveries with them.
async fn close(
    txn: &DatabaseTransaction,
    partition: i16,
    ids: Vec<EndpointId>,
    state: EndpointState,
    at: Timestamp,
) -> Result<(), Error> {
    let numbers: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    endpoint::Entity::update_many()
        .col_expr(endpoint::Column::State, Expr::value(row::state_word(state)))
        .col_expr(endpoint::Column::UpdatedTime, Expr::value(at.micros()))
        .filter(endpoint::Column::Partition.eq(partition))
        .filter(endpoint::Column::Endpoint.is_in(numbers.iter().copied()))
        .filter(endpoint::Column::State.ne(row::state_word(EndpointState::Deleted)))
        .exec(txn)
        .await?;
    delivery::Entity::update_many()
        .col_expr(delivery::Column::State, Expr::value(row::stage_word(Stage::Dead)))
        .col_expr(delivery::Column::DueTime, Expr::value(None::<i64>))
        .col_expr(delivery::Column::SettledTime, Expr::value(at.micros()))
        .filter(delivery::Column::Partition.eq(partition))
        .filter(delivery::Column::Endpoint.is_in(numbers))
        .filter(delivery::Column::DueTime.is_not_null())
        .exec(txn)
        .await?;
    bump(txn, partition).await
}

async fn record(
    txn: &DatabaseTransaction,
    partition: Partition,
    batch: Recording,
    cursor: Box<dyn Cursor>,
) -> Result<(), RecordError> {
    // The cursor first: it locks the row that fences a holder which has lost its lease.
    cursor.advance(txn).await?;
    if version(txn, partition.get()).await? != batch.roster {
        return Err(RecordError::Stale);
    }
    let new = batch.deliveries;
    if new.is_empty() {
        return Ok(());
    }
    let backend = txn.get_database_backend();
    txn.execute_raw(bulk::insert_deliveries(backend, &new)).await?;
    let made: Vec<(DeliveryId, u32, &Answer)> =
        new.iter().filter_map(|d| Some((d.id, d.state.attempts(), d.answer.as_ref()?))).collect();
    if !made.is_empty() {
        txn.execute_raw(bulk::insert_attempts(backend, partition, &made)).await?;
    }
    disable(txn, partition, &made).await?;
    Ok(())
}

async fn settle(
    txn: &DatabaseTransaction,
    partition: Partition,
    settlements: Vec<Settlement>,
) -> Result<(), Error> {
    let backend = txn.get_database_backend();
    txn.execute_raw(bulk::update_settled(backend, partition, &settlements)).await?;
    let made: Vec<(DeliveryId, u32, &Answer)> = settlements
        .iter()
        .filter_map(|s| Some((s.id, s.state.attempts(), s.answer.as_ref()?)))
        .collect();
    if !made.is_empty() {
        txn.execute_raw(bulk::insert_attempts(backend, partition, &made)).await?;
    }
    disable(txn, partition, &made).await
}

/// Switches off the endpoints that answered 410.
async fn disable(
    txn: &DatabaseTransaction,
    partition: Partition,
    made: &[(DeliveryId, u32, &Answer)],
) -> Result<(), Error> {
    let gone = bulk::gone(made.iter().map(|(id, _, answer)| (*id, *answer)));
    let Some(at) = made.iter().map(|(_, _, answer)| answer.ended()).max() else { return Ok(()) };
    if gone.is_empty() {
        return Ok(());
    }
    close(txn, partition.get(), gone, EndpointState::Disabled, at).await
}
