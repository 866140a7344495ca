//! Reading the log: a workspace's changes, and what came after a cursor.

use kernel::{Partition, Position, WorkspaceId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{change, head};
use super::{Appended, Error, Request, Store, body};
use crate::domain::Change;

impl Store {
    /// Every change of a workspace behind `seq`, in the order of the log.
    pub(crate) async fn changes(
        &self,
        workspace: WorkspaceId,
        seq: i64,
    ) -> Result<Vec<Change>, Error> {
        let rows = change::Entity::find()
            .filter(change::Column::Partition.eq(workspace.partition().get()))
            .filter(change::Column::Seq.gt(seq))
            .filter(change::Column::Workspace.eq(workspace.get()))
            .order_by_asc(change::Column::Seq)
            .all(self.db.reader())
            .await?;
        rows.into_iter().map(body::decode).collect()
    }

    /// What a request said when it came before; `None` when it did not.
    pub(crate) async fn replayed(
        &self,
        workspace: WorkspaceId,
        request: &Request,
    ) -> Result<Option<Appended>, Error> {
        replayed(self.db.reader(), workspace, request).await
    }

    /// Seq of the last change of a partition, 0 before the first.
    pub(crate) async fn head(&self, partition: Partition) -> Result<i64, Error> {
        let row = head::Entity::find_by_id(partition.get()).one(self.db.reader()).await?;
        Ok(row.map_or(0, |row| row.head))
    }

    /// The last position of every partition that has any change, in the order of the partitions.
    pub(crate) async fn heads(&self) -> Result<Vec<Position>, Error> {
        let rows = head::Entity::find()
            .order_by_asc(head::Column::Partition)
            .all(self.db.reader())
            .await?;
        let position = |row: head::Model| {
            let partition = Partition::new(row.partition)
                .ok_or_else(|| Error::corrupt("change_head", "partition", row.partition))?;
            Ok(Position { partition, seq: row.head })
        };
        rows.into_iter().map(position).collect()
    }

    /// The next changes of a partition, whosesoever they are, at most `limit`.
    pub(crate) async fn changes_after(
        &self,
        after: Position,
        limit: u64,
    ) -> Result<Vec<Change>, Error> {
        let rows = change::Entity::find()
            .filter(change::Column::Partition.eq(after.partition.get()))
            .filter(change::Column::Seq.gt(after.seq))
            .order_by_asc(change::Column::Seq)
            .limit(limit)
            .all(self.db.reader())
            .await?;
        rows.into_iter().map(body::decode).collect()
    }
}

pub(super) async fn replayed(
    db: &impl ConnectionTrait,
    workspace: WorkspaceId,
    request: &Request,
) -> Result<Option<Appended>, Error> {
    let partition = workspace.partition().get();
    let first = change::Entity::find()
        .filter(change::Column::Partition.eq(partition))
        .filter(change::Column::Workspace.eq(workspace.get()))
        .filter(change::Column::RequestId.eq(request.id.as_str()))
        .one(db)
        .await?;
    let Some(first) = first else { return Ok(None) };
    if first.request_hash.as_ref() != Some(&request.hash) {
        return Ok(Some(Appended::RequestReused));
    }
    let rows = change::Entity::find()
        .filter(change::Column::Partition.eq(partition))
        .filter(change::Column::Seq.gte(first.seq))
        .filter(change::Column::Seq.lt(first.seq.saturating_add(first.batch)))
        .order_by_asc(change::Column::Seq)
        .all(db)
        .await?;
    let changes = rows.into_iter().map(body::decode).collect::<Result<_, _>>()?;
    Ok(Some(Appended::Replayed(changes)))
}
