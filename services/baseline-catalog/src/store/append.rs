//! Writing a change: one transaction, one partition, one order.

use kernel::{Partition, Position, WorkspaceId};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder,
};

use super::entity::{change, head};
use super::{Appended, Error, Request, Store, body};
use crate::domain::{NewChange, Value};

/// Why a transaction is rolled back: something broke, or there is an answer without a write.
enum Stop {
    Broken(Error),
    Answer(Box<Appended>),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

impl From<DbErr> for Stop {
    fn from(error: DbErr) -> Self {
        Self::Broken(error.into())
    }
}

impl Stop {
    fn answer(answer: Appended) -> Self {
        Self::Answer(Box::new(answer))
    }
}

impl Store {
    /// Appends a change, once for each request id. `based_on` is the version the caller has seen
    /// last.
    pub(crate) async fn append(
        &self,
        new: NewChange,
        request: Option<Request>,
        based_on: Option<String>,
    ) -> Result<Appended, Error> {
        let store = self.clone();
        let written = self
            .db
            .write(move |txn| {
                Box::pin(async move { store.append_in(txn, new, request, based_on).await })
            })
            .await;
        match written {
            Ok(appended) => Ok(appended),
            Err(Stop::Answer(answer)) => Ok(*answer),
            Err(Stop::Broken(error)) => Err(error),
        }
    }

    async fn append_in(
        &self,
        txn: &DatabaseTransaction,
        new: NewChange,
        request: Option<Request>,
        based_on: Option<String>,
    ) -> Result<Appended, Stop> {
        let partition = new.workspace.partition();
        // First of all: whoever else writes to this partition waits here until we have committed.
        let seq = advance_head(txn, partition).await?;
        if let Some(request) = &request {
            refuse_repeated(txn, new.workspace, request).await?;
        }
        let number = next_number(txn, new.workspace, &new.value, based_on).await?;
        // Read under the lock, so that recorded times follow the order of the log.
        let recorded = self.clock.now();
        let row = change::Model {
            partition: partition.get(),
            seq,
            workspace: new.workspace.get(),
            kind: body::kind(new.value.kind()).to_owned(),
            subject: new.value.subject(),
            number,
            effective_time: new.effective.unwrap_or(recorded).micros(),
            recorded_time: recorded.micros(),
            actor: new.actor,
            reason: new.reason.as_str().to_owned(),
            request_id: request.as_ref().map(|r| r.id.clone()),
            request_hash: request.map(|r| r.hash),
            body: body::encode(&new.value),
        };
        change::Entity::insert(row.clone().into_active_model()).exec_without_returning(txn).await?;
        Ok(Appended::Recorded(body::decode(row)?))
    }
}

/// Seq of the next change; the head row stays locked until the transaction ends.
async fn advance_head(txn: &DatabaseTransaction, partition: Partition) -> Result<i64, DbErr> {
    let first = head::ActiveModel { partition: Set(partition.get()), head: Set(1) };
    let next = Expr::col((head::Entity, head::Column::Head)).add(1);
    let advance =
        OnConflict::column(head::Column::Partition).value(head::Column::Head, next).to_owned();
    let row = head::Entity::insert(first).on_conflict(advance).exec_with_returning(txn).await?;
    Ok(row.head)
}

async fn refuse_repeated(
    txn: &DatabaseTransaction,
    workspace: WorkspaceId,
    request: &Request,
) -> Result<(), Stop> {
    let earlier = change::Entity::find()
        .filter(change::Column::Partition.eq(workspace.partition().get()))
        .filter(change::Column::Workspace.eq(workspace.get()))
        .filter(change::Column::RequestId.eq(request.id.as_str()))
        .one(txn)
        .await?;
    match earlier {
        None => Ok(()),
        Some(row) if row.request_hash.as_ref() == Some(&request.hash) => {
            Err(Stop::answer(Appended::Replayed(body::decode(row)?)))
        }
        Some(_) => Err(Stop::answer(Appended::RequestReused)),
    }
}

/// The number of the subject's next version, if the caller has seen the latest.
async fn next_number(
    txn: &DatabaseTransaction,
    workspace: WorkspaceId,
    value: &Value,
    based_on: Option<String>,
) -> Result<i64, Stop> {
    let partition = workspace.partition();
    let latest = change::Entity::find()
        .filter(change::Column::Partition.eq(partition.get()))
        .filter(change::Column::Workspace.eq(workspace.get()))
        .filter(change::Column::Kind.eq(body::kind(value.kind())))
        .filter(change::Column::Subject.eq(value.subject()))
        .order_by_desc(change::Column::Number)
        .one(txn)
        .await?;
    let seen = |row: &change::Model| Position { partition, seq: row.seq }.to_string();
    match (based_on, latest) {
        (None, None) => Ok(1),
        (None, Some(latest)) => Ok(latest.number + 1),
        (Some(based_on), Some(latest)) if based_on == seen(&latest) => Ok(latest.number + 1),
        (Some(_), latest) => {
            let lost_to = latest.map(body::decode).transpose()?.map(|change| change.version);
            Err(Stop::answer(Appended::VersionLost(lost_to)))
        }
    }
}
