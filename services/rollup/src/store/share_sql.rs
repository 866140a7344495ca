//! Shared links on both databases.

use async_trait::async_trait;
use kernel::{Partition, Timestamp, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::entity::{share_attempt, share_link};
use super::shares::{Registered, Request, ShareStore};
use super::{SqlStore, share_row};
use crate::domain::{Attempt, Opening, Share, ShareId, TokenDigest};

impl SqlStore {
    /// What a request has made before.
    async fn replay(
        &self,
        partition: Partition,
        request: Request,
    ) -> Result<Option<Registered>, db::Error> {
        let found = share_link::Entity::find()
            .filter(share_link::Column::Partition.eq(partition.get()))
            .filter(share_link::Column::RequestKey.eq(request.key.to_vec()))
            .one(self.db().reader())
            .await?;
        let Some(found) = found else { return Ok(None) };
        if found.request_hash != request.fingerprint {
            return Ok(Some(Registered::Reused));
        }
        Ok(Some(Registered::Stood(Box::new(share_row::share(found)?))))
    }
}

#[async_trait]
impl ShareStore for SqlStore {
    async fn register(&self, share: Share, request: Request) -> Result<Registered, db::Error> {
        let partition = share.workspace.partition();
        if let Some(before) = self.replay(partition, request).await? {
            return Ok(before);
        }
        let new = share_row::new(share, request);
        let written = self.db().write(move |txn| {
            Box::pin(async move {
                new.insert(txn).await?;
                Ok::<_, db::Error>(())
            })
        });
        match written.await {
            Ok(()) => Ok(Registered::New),
            // A twin was faster.
            Err(db::Error::Conflict(cause)) => {
                self.replay(partition, request).await?.ok_or(db::Error::Conflict(cause))
            }
            Err(error) => Err(error),
        }
    }

    async fn find(&self, workspace: WorkspaceId, id: ShareId) -> Result<Option<Share>, db::Error> {
        let found = share_link::Entity::find_by_id((workspace.partition().get(), id.get()))
            .filter(share_link::Column::Workspace.eq(workspace.get()))
            .one(self.db().reader())
            .await?;
        found.map(share_row::share).transpose()
    }

    async fn by_token(&self, token: TokenDigest) -> Result<Option<Share>, db::Error> {
        let found = share_link::Entity::find()
            .filter(share_link::Column::Partition.eq(token.partition().get()))
            .filter(share_link::Column::TokenHash.eq(token.0.to_vec()))
            .one(self.db().reader())
            .await?;
        found.map(share_row::share).transpose()
    }

    async fn page(
        &self,
        workspace: WorkspaceId,
        after: Option<(Timestamp, ShareId)>,
        limit: u64,
    ) -> Result<Vec<Share>, db::Error> {
        use share_link::Column;
        let mut query = share_link::Entity::find()
            .filter(Column::Partition.eq(workspace.partition().get()))
            .filter(Column::Workspace.eq(workspace.get()));
        if let Some((created, id)) = after {
            let earlier = Column::CreatedTime.lt(created.micros());
            let same = Column::CreatedTime.eq(created.micros());
            let same = same.and(Column::ShareLink.lt(id.get()));
            query = query.filter(Condition::any().add(earlier).add(same));
        }
        let rows = query
            .order_by_desc(Column::CreatedTime)
            .order_by_desc(Column::ShareLink)
            .limit(limit)
            .all(self.db().reader())
            .await?;
        rows.into_iter().map(share_row::share).collect()
    }

    async fn revoke(
        &self,
        workspace: WorkspaceId,
        id: ShareId,
        at: Timestamp,
    ) -> Result<Option<Share>, db::Error> {
        use share_link::Column;
        let revoked = self.db().write(move |txn| {
            Box::pin(async move {
                share_link::Entity::update_many()
                    .col_expr(Column::RevokedTime, Expr::value(at.micros()))
                    .filter(Column::Partition.eq(workspace.partition().get()))
                    .filter(Column::ShareLink.eq(id.get()))
                    .filter(Column::Workspace.eq(workspace.get()))
                    .filter(Column::RevokedTime.is_null())
                    .exec(txn)
                    .await?;
                Ok::<_, db::Error>(())
            })
        });
        revoked.await?;
        self.find(workspace, id).await
    }

    async fn log(&self, share: &Share, attempt: Attempt) -> Result<bool, db::Error> {
        use share_link::Column;
        let (partition, id) = (share.workspace.partition().get(), share.id.get());
        let row = share_attempt::ActiveModel {
            partition: Set(partition),
            share_link: Set(id),
            attempted_time: Set(attempt.at.micros()),
            attempt: Set(attempt.number),
            outcome: Set(attempt.opening.as_str().to_owned()),
            reader_address: Set(attempt.reader.address),
            reader_agent: Set(attempt.reader.agent),
        };
        let (opening, at) = (attempt.opening, attempt.at.micros());
        let logged = self.db().write(move |txn| {
            Box::pin(async move {
                let mut standing = true;
                if opening == Opening::Opened {
                    // First of all: a revocation that races waits for this row, or has changed it.
                    let counted = share_link::Entity::update_many()
                        .col_expr(Column::Opens, Expr::col(Column::Opens).add(1))
                        .col_expr(Column::LastOpenedTime, Expr::value(at))
                        .filter(Column::Partition.eq(partition))
                        .filter(Column::ShareLink.eq(id))
                        .filter(Column::RevokedTime.is_null())
                        .exec(txn)
                        .await?;
                    standing = counted.rows_affected == 1;
                }
                if standing {
                    share_attempt::Entity::insert(row).exec_without_returning(txn).await?;
                }
                Ok::<_, db::Error>(standing)
            })
        });
        logged.await
    }

    async fn attempts(
        &self,
        workspace: WorkspaceId,
        id: ShareId,
        after: Option<(Timestamp, i64)>,
        limit: u64,
    ) -> Result<Vec<Attempt>, db::Error> {
        use share_attempt::Column;
        let mut query = share_attempt::Entity::find()
            .filter(Column::Partition.eq(workspace.partition().get()))
            .filter(Column::ShareLink.eq(id.get()));
        if let Some((at, number)) = after {
            let earlier = Column::AttemptedTime.lt(at.micros());
            let same = Column::AttemptedTime.eq(at.micros()).and(Column::Attempt.lt(number));
            query = query.filter(Condition::any().add(earlier).add(same));
        }
        let rows = query
            .order_by_desc(Column::AttemptedTime)
            .order_by_desc(Column::Attempt)
            .limit(limit)
            .all(self.db().reader())
            .await?;
        rows.into_iter().map(share_row::attempt).collect()
    }
}
