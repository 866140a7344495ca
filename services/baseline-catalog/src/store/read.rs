//! Reading the log: a workspace's changes, and what came after a cursor.

use kernel::{Partition, Position, WorkspaceId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{change, head};
use super::{Error, Store, body};
use crate::domain::{Change, Kind};

impl Store {
    /// Every change of one kind in a workspace, in the order of the log.
    pub(crate) async fn changes(
        &self,
        workspace: WorkspaceId,
        kind: Kind,
    ) -> Result<Vec<Change>, Error> {
        let rows = change::Entity::find()
            .filter(change::Column::Partition.eq(workspace.partition().get()))
            .filter(change::Column::Workspace.eq(workspace.get()))
            .filter(change::Column::Kind.eq(body::kind(kind)))
            .order_by_asc(change::Column::Seq)
            .all(self.db.reader())
            .await?;
        rows.into_iter().map(body::decode).collect()
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
