//! Reading the ledger.

use db::Db;
use kernel::{Partition, Position, Timestamp, TraceContext, WorkspaceId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{event, log_head};

/// One stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) position: Position,
    pub(crate) workspace: WorkspaceId,
    pub(crate) recorded: Timestamp,
    pub(crate) occurred: Timestamp,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) record: Vec<u8>,
}

/// The ledger, read only.
#[derive(Clone)]
pub(crate) struct LedgerReader(pub(crate) Db);

impl LedgerReader {
    /// The last seq of every partition.
    pub(crate) async fn heads(&self) -> Result<Vec<Position>, db::Error> {
        let rows = log_head::Entity::find()
            .order_by_asc(log_head::Column::Partition)
            .all(self.0.reader())
            .await?;
        let heads = rows.into_iter().filter_map(|row| {
            Some(Position { partition: Partition::new(row.partition)?, seq: row.head })
        });
        Ok(heads.collect())
    }

    /// At most `limit` entries behind `cursor`, in order.
    pub(crate) async fn after(&self, cursor: Position, limit: u64) -> Result<Vec<Row>, db::Error> {
        let rows = event::Entity::find()
            .filter(event::Column::Partition.eq(cursor.partition.get()))
            .filter(event::Column::Seq.gt(cursor.seq))
            .order_by_asc(event::Column::Seq)
            .limit(limit)
            .all(self.0.reader())
            .await?;
        rows.into_iter().map(Row::read).collect()
    }

    /// One entry of a workspace; another workspace's is as absent as none.
    pub(crate) async fn find(
        &self,
        workspace: WorkspaceId,
        position: Position,
    ) -> Result<Option<Row>, db::Error> {
        let key = (position.partition.get(), position.seq);
        let row = event::Entity::find_by_id(key)
            .filter(event::Column::Workspace.eq(workspace.get()))
            .one(self.0.reader())
            .await?;
        row.map(Row::read).transpose()
    }
}

impl Row {
    fn read(row: event::Model) -> Result<Self, db::Error> {
        let corrupt =
            |column| db::Error::corrupt("event", column, format!("{}/{}", row.partition, row.seq));
        let partition = Partition::new(row.partition).ok_or_else(|| corrupt("partition"))?;
        let trace = match &row.trace_context {
            None => None,
            Some(bytes) => {
                Some(TraceContext::from_bytes(bytes).ok_or_else(|| corrupt("trace_context"))?)
            }
        };
        Ok(Self {
            position: Position { partition, seq: row.seq },
            workspace: WorkspaceId::new(row.workspace).ok_or_else(|| corrupt("workspace"))?,
            recorded: Timestamp::from_micros(row.recorded_time),
            occurred: Timestamp::from_micros(row.occurred_time),
            trace,
            record: row.record,
        })
    }
}
