//! Keys that give way to others, and when keys were used.

use std::time::Duration;

use kernel::{Timestamp, WorkspaceId};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::AccessStore;
use super::access::{insert_key, key_from_row};
use super::entity::api_key::{self, Column};
use crate::domain::{BadKey, KeyId, KeyRecord, Successor};

/// What became of a key that was to give way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rotated {
    Done {
        old: KeyRecord,
        new: KeyRecord,
    },
    /// The successor stood already; this is how both are.
    Stood {
        old: KeyRecord,
        new: KeyRecord,
    },
    /// The old one opens nothing any more, so that nothing can take its place.
    Refused(BadKey),
    /// There is no such key in the workspace.
    Nowhere,
}

impl AccessStore {
    /// Puts `successor` in the place of a key, which works on for `overlap`: both or neither.
    pub(crate) async fn rotate(
        &self,
        workspace: WorkspaceId,
        id: KeyId,
        successor: Successor,
        at: Timestamp,
        overlap: Duration,
    ) -> Result<Rotated, db::Error> {
        self.0
            .write(move |txn| {
                Box::pin(async move {
                    // Writing the row makes rotations of one key, and its revocation, wait for one another.
                    let held = api_key::Entity::update_many()
                        .col_expr(Column::Name, Expr::col(Column::Name))
                        .filter(Column::Partition.eq(id.partition().get()))
                        .filter(Column::KeyId.eq(id.to_row()))
                        .filter(Column::Workspace.eq(workspace.get()))
                        .exec(txn)
                        .await?;
                    if held.rows_affected == 0 {
                        return Ok(Rotated::Nowhere);
                    }
                    let Some(mut old) = find(txn, id).await? else { return Ok(Rotated::Nowhere) };
                    if let Some(new) = find(txn, successor.id).await? {
                        return Ok(Rotated::Stood { old, new });
                    }
                    let new = match old.give_way(successor, at, overlap) {
                        Ok(new) => new,
                        Err(why) => return Ok(Rotated::Refused(why)),
                    };
                    api_key::Entity::update_many()
                        .col_expr(
                            Column::ExpiresTime,
                            Expr::value(old.expires.map(Timestamp::micros)),
                        )
                        .filter(Column::Partition.eq(id.partition().get()))
                        .filter(Column::KeyId.eq(id.to_row()))
                        .exec(txn)
                        .await?;
                    insert_key(txn, new.clone()).await?;
                    Ok(Rotated::Done { old, new })
                })
            })
            .await
    }

    /// Notes that a key was used at `at`, unless a use less than `every` before is noted already: of
    /// several replicas one writes.
    pub(crate) async fn note_use(
        &self,
        id: KeyId,
        at: Timestamp,
        every: Duration,
    ) -> Result<(), db::Error> {
        self.0
            .write(move |txn| {
                Box::pin(async move {
                    let long_ago = Column::LastUsedTime
                        .is_null()
                        .or(Column::LastUsedTime.lte(at.minus(every).micros()));
                    api_key::Entity::update_many()
                        .col_expr(Column::LastUsedTime, Expr::value(at.micros()))
                        .filter(Column::Partition.eq(id.partition().get()))
                        .filter(Column::KeyId.eq(id.to_row()))
                        .filter(long_ago)
                        .exec(txn)
                        .await?;
                    Ok(())
                })
            })
            .await
    }
}

async fn find(txn: &DatabaseTransaction, id: KeyId) -> Result<Option<KeyRecord>, db::Error> {
    let row = api_key::Entity::find_by_id((id.partition().get(), id.to_row())).one(txn).await?;
    row.map(key_from_row).transpose()
}
