//! Workspaces as rows, and changing them.

use kernel::{Currency, Timestamp, WorkspaceId};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};

use super::AccessStore;
use super::entity::{workspace, workspace_limit};
use crate::domain::workspace::Change;
use crate::domain::{Allowance, Workspace};

impl AccessStore {
    /// Changes a workspace and tells how it is now. `None`: there is no such workspace.
    pub(crate) async fn change(
        &self,
        id: WorkspaceId,
        change: Change,
    ) -> Result<Option<Workspace>, db::Error> {
        self.0
            .write(move |txn| {
                Box::pin(async move {
                    // Two changes at once would undo each other's fields.
                    hold(txn, id).await?;
                    let Some(mut standing) = read(txn, id).await? else { return Ok(None) };
                    let before = standing.allowance;
                    standing.change(change);
                    workspace::Entity::update(to_row(&standing)).exec(txn).await?;
                    if standing.allowance != before {
                        keep(txn, id, standing.allowance).await?;
                    }
                    Ok(Some(standing))
                })
            })
            .await
    }
}

/// Holds a workspace's row to the end of the transaction: writing it makes others wait.
pub(super) async fn hold(txn: &DatabaseTransaction, id: WorkspaceId) -> Result<(), db::Error> {
    workspace::Entity::update_many()
        .col_expr(workspace::Column::Name, Expr::col(workspace::Column::Name))
        .filter(workspace::Column::Partition.eq(id.partition().get()))
        .filter(workspace::Column::Workspace.eq(id.get()))
        .exec(txn)
        .await?;
    Ok(())
}

pub(super) async fn read(
    connection: &impl ConnectionTrait,
    id: WorkspaceId,
) -> Result<Option<Workspace>, db::Error> {
    let key = (id.partition().get(), id.get());
    let row = workspace::Entity::find_by_id(key).one(connection).await?;
    let Some(row) = row else { return Ok(None) };
    let limits = workspace_limit::Entity::find_by_id(key).one(connection).await?;
    let allowance = limits.map(allowance).transpose()?.unwrap_or_default();
    from_row(row, allowance).map(Some)
}

async fn keep(
    txn: &DatabaseTransaction,
    id: WorkspaceId,
    allowance: Allowance,
) -> Result<(), db::Error> {
    use workspace_limit::Column;
    let many = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let row = workspace_limit::ActiveModel {
        partition: Set(id.partition().get()),
        workspace: Set(id.get()),
        rate_per_second: Set(allowance.per_second.into()),
        rate_burst: Set(allowance.burst.into()),
        quota_soft: Set(many(allowance.quota_soft)),
        quota_hard: Set(many(allowance.quota_hard)),
        dimension_values: Set(allowance.dimension_values.into()),
    };
    let replace = OnConflict::columns([Column::Partition, Column::Workspace])
        .update_columns([
            Column::RatePerSecond,
            Column::RateBurst,
            Column::QuotaSoft,
            Column::QuotaHard,
            Column::DimensionValues,
        ])
        .to_owned();
    workspace_limit::Entity::insert(row).on_conflict(replace).exec_without_returning(txn).await?;
    Ok(())
}

fn allowance(row: workspace_limit::Model) -> Result<Allowance, db::Error> {
    let corrupt = |column| db::Error::corrupt("workspace_limit", column, row.workspace);
    let few = |value: i64, column| u32::try_from(value).map_err(|_| corrupt(column));
    let many = |value: i64, column| u64::try_from(value).map_err(|_| corrupt(column));
    Ok(Allowance {
        per_second: few(row.rate_per_second, "rate_per_second")?,
        burst: few(row.rate_burst, "rate_burst")?,
        quota_soft: many(row.quota_soft, "quota_soft")?,
        quota_hard: many(row.quota_hard, "quota_hard")?,
        dimension_values: few(row.dimension_values, "dimension_values")?,
    })
}

pub(super) fn to_row(new: &Workspace) -> workspace::ActiveModel {
    workspace::ActiveModel {
        partition: Set(new.id.partition().get()),
        workspace: Set(new.id.get()),
        name: Set(new.name.clone()),
        time_zone: Set(new.time_zone.clone()),
        currency: Set(new.currency.as_str().to_owned()),
        accept_unknown: Set(new.accept_unknown),
        created_time: Set(new.created.micros()),
    }
}

fn from_row(row: workspace::Model, allowance: Allowance) -> Result<Workspace, db::Error> {
    let corrupt = |column| db::Error::corrupt("workspace", column, row.workspace);
    Ok(Workspace {
        id: WorkspaceId::new(row.workspace).ok_or_else(|| corrupt("workspace"))?,
        currency: Currency::new(&row.currency).map_err(|_| corrupt("currency"))?,
        accept_unknown: row.accept_unknown,
        created: Timestamp::from_micros(row.created_time),
        name: row.name,
        time_zone: row.time_zone,
        allowance,
    })
}
