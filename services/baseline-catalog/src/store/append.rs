//! Writing changes: one transaction, one partition, one order.

use std::collections::HashMap;

use kernel::{Partition, WorkspaceId};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};

use super::entity::{change, head};
use super::{Appended, Basis, Error, Request, Store, body, read};
use crate::domain::{NewChange, Value, built_ins};

/// Rows of one statement: a row binds fourteen values, and a statement stays below five hundred.
const ROWS_MAX: usize = 35;

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

/// Version numbers given out so far, by kind and subject.
type Numbers = HashMap<(String, String), i64>;

impl Store {
    /// Appends changes of one workspace, all or none, once for each request id.
    pub(crate) async fn append(
        &self,
        new: Vec<NewChange>,
        request: Option<Request>,
        basis: Basis,
    ) -> Result<Appended, Error> {
        let Some(workspace) = new.first().map(|change| change.workspace) else {
            return Ok(Appended::Recorded(Vec::new()));
        };
        let store = self.clone();
        let written = self
            .db
            .write(move |txn| {
                Box::pin(async move { store.append_in(txn, workspace, new, request, basis).await })
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
        workspace: WorkspaceId,
        new: Vec<NewChange>,
        request: Option<Request>,
        basis: Basis,
    ) -> Result<Appended, Stop> {
        let partition = workspace.partition();
        let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
        // First of all: whoever else writes to this partition waits here until we have committed.
        let first_seq = advance_head(txn, partition, count).await? - count + 1;
        if let Some(request) = &request
            && let Some(answer) = read::replayed(txn, workspace, request).await?
        {
            return Err(Stop::answer(answer));
        }
        if let Some(seen) = basis.seen {
            refuse_moved(txn, workspace, seen).await?;
        }
        let mut numbers = match new.as_slice() {
            [only] => number_of(txn, workspace, &only.value).await?,
            _ => all_numbers(txn, workspace).await?,
        };
        if let (Some(version), Some(first)) = (&basis.version, new.first()) {
            refuse_lost(txn, workspace, &first.value, version).await?;
        }
        // Read under the lock, so that recorded times follow the order of the log.
        let recorded = self.clock.now();
        let mut rows = Vec::with_capacity(new.len());
        for (seq, new) in (first_seq..).zip(new) {
            let (kind, subject) = (new.value.kind().as_str().to_owned(), new.value.subject());
            let number = numbers.entry((kind.clone(), subject.clone())).or_insert(0);
            *number += 1;
            let request = request.as_ref().filter(|_| seq == first_seq);
            rows.push(change::Model {
                partition: partition.get(),
                seq,
                workspace: workspace.get(),
                kind,
                subject,
                number: *number,
                effective_time: new.effective.unwrap_or(recorded).micros(),
                recorded_time: recorded.micros(),
                actor: new.actor,
                reason: new.reason.as_str().to_owned(),
                request_id: request.map(|r| r.id.clone()),
                request_hash: request.map(|r| r.hash.clone()),
                body: body::encode(&new.value),
                batch: if seq == first_seq { count } else { 1 },
            });
        }
        for some in rows.chunks(ROWS_MAX) {
            let models = some.iter().cloned().map(IntoActiveModel::into_active_model);
            change::Entity::insert_many(models).exec_without_returning(txn).await?;
        }
        let changes = rows.into_iter().map(body::decode).collect::<Result<_, _>>()?;
        Ok(Appended::Recorded(changes))
    }
}

/// Seq of the last of `count` new changes; the head row stays locked until the transaction ends.
async fn advance_head(
    txn: &DatabaseTransaction,
    partition: Partition,
    count: i64,
) -> Result<i64, DbErr> {
    let first = head::ActiveModel { partition: Set(partition.get()), head: Set(count) };
    let next = Expr::col((head::Entity, head::Column::Head)).add(count);
    let advance =
        OnConflict::column(head::Column::Partition).value(head::Column::Head, next).to_owned();
    let row = head::Entity::insert(first).on_conflict(advance).exec_with_returning(txn).await?;
    Ok(row.head)
}

/// Two decisions about one workspace, each right by itself, need not be right together.
async fn refuse_moved(
    txn: &DatabaseTransaction,
    workspace: WorkspaceId,
    seen: i64,
) -> Result<(), Stop> {
    let unseen = change::Entity::find()
        .filter(change::Column::Partition.eq(workspace.partition().get()))
        .filter(change::Column::Seq.gt(seen))
        .filter(change::Column::Workspace.eq(workspace.get()))
        .limit(1)
        .one(txn)
        .await?;
    unseen.map_or(Ok(()), |_| Err(Stop::answer(Appended::Moved)))
}

async fn latest(
    txn: &DatabaseTransaction,
    workspace: WorkspaceId,
    value: &Value,
) -> Result<Option<change::Model>, DbErr> {
    change::Entity::find()
        .filter(change::Column::Partition.eq(workspace.partition().get()))
        .filter(change::Column::Workspace.eq(workspace.get()))
        .filter(change::Column::Kind.eq(value.kind().as_str()))
        .filter(change::Column::Subject.eq(value.subject()))
        .order_by_desc(change::Column::Number)
        .one(txn)
        .await
}

async fn number_of(
    txn: &DatabaseTransaction,
    workspace: WorkspaceId,
    value: &Value,
) -> Result<Numbers, DbErr> {
    let latest = latest(txn, workspace, value).await?;
    Ok(latest.into_iter().map(|row| ((row.kind, row.subject), row.number)).collect())
}

async fn all_numbers(txn: &DatabaseTransaction, workspace: WorkspaceId) -> Result<Numbers, DbErr> {
    let rows: Vec<(String, String, i64)> = change::Entity::find()
        .select_only()
        .column(change::Column::Kind)
        .column(change::Column::Subject)
        .column_as(change::Column::Number.max(), "number")
        .filter(change::Column::Partition.eq(workspace.partition().get()))
        .filter(change::Column::Workspace.eq(workspace.get()))
        .group_by(change::Column::Kind)
        .group_by(change::Column::Subject)
        .into_tuple()
        .all(txn)
        .await?;
    Ok(rows.into_iter().map(|(kind, subject, number)| ((kind, subject), number)).collect())
}

/// Refuses an edit of a version that is no longer the latest.
async fn refuse_lost(
    txn: &DatabaseTransaction,
    workspace: WorkspaceId,
    value: &Value,
    based_on: &str,
) -> Result<(), Stop> {
    let latest = latest(txn, workspace, value).await?;
    let latest = latest.map(body::decode).transpose()?.map(|change| change.version);
    let seen = match &latest {
        Some(version) => version.id == based_on,
        // Nothing of the workspace's own yet: what the caller saw was what came with the product.
        None => based_on == built_ins().id(),
    };
    if seen { Ok(()) } else { Err(Stop::answer(Appended::VersionLost(latest))) }
}
