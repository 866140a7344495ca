//! Reading the ledger.

use bytes::Bytes;
use db::Db;
use kernel::{Partition, Position, Timestamp, TraceContext, WorkspaceId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::entity::{event, log_head};
use crate::domain::Search;

/// One stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) position: Position,
    pub(crate) workspace: WorkspaceId,
    pub(crate) recorded: Timestamp,
    pub(crate) occurred: Timestamp,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) record: Bytes,
}

/// What a tail reads of an entry, in the order of [`Tailed`].
const TAILED: [event::Column; 6] = [
    event::Column::Seq,
    event::Column::Workspace,
    event::Column::RecordedTime,
    event::Column::OccurredTime,
    event::Column::TraceContext,
    event::Column::Record,
];

type Tailed = (i64, i64, i64, i64, Option<Vec<u8>>, Vec<u8>);

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

    /// At most `limit` entries behind `cursor`, in order. Of each only what a tail sends, read by place: by
    /// name and with the columns that nobody asks for it was a quarter of what a backlog costs.
    pub(crate) async fn after(&self, cursor: Position, limit: u64) -> Result<Vec<Row>, db::Error> {
        let Position { partition, seq } = cursor;
        let rows: Vec<Tailed> = event::Entity::find()
            .select_only()
            .columns(TAILED)
            .filter(event::Column::Partition.eq(partition.get()))
            .filter(event::Column::Seq.gt(seq))
            .order_by_asc(event::Column::Seq)
            .limit(limit)
            .into_tuple()
            .all(self.0.reader())
            .await?;
        rows.into_iter().map(|row| Row::of(partition, row)).collect()
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

    /// Those of the entries at `seqs` that are the workspace's, in order.
    pub(crate) async fn find_all(
        &self,
        workspace: WorkspaceId,
        seqs: Vec<i64>,
    ) -> Result<Vec<Row>, db::Error> {
        let rows = of_workspace(workspace)
            .filter(event::Column::Seq.is_in(seqs))
            .all(self.0.reader())
            .await?;
        rows.into_iter().map(Row::read).collect()
    }

    /// At most `limit` entries of a workspace with seq in (`after`, `until`], in order. What is not sought
    /// is passed over by the database, so the stretch bounds its work and `limit` bounds ours.
    pub(crate) async fn search(
        &self,
        workspace: WorkspaceId,
        (after, until): (i64, i64),
        search: &Search,
        limit: u64,
    ) -> Result<Vec<Row>, db::Error> {
        let mut query = of_workspace(workspace)
            .filter(event::Column::Seq.gt(after))
            .filter(event::Column::Seq.lte(until));
        if let Some(window) = search.window {
            query = query
                .filter(event::Column::OccurredTime.gte(window.start().micros()))
                .filter(event::Column::OccurredTime.lt(window.end().micros()));
        }
        if !search.kinds.is_empty() {
            query = query.filter(event::Column::Kind.is_in(search.kinds.iter().copied()));
        }
        let rows = query.limit(limit).all(self.0.reader()).await?;
        rows.into_iter().map(Row::read).collect()
    }

    /// The last seq of one partition.
    pub(crate) async fn head(&self, partition: Partition) -> Result<i64, db::Error> {
        let row = log_head::Entity::find_by_id(partition.get()).one(self.0.reader()).await?;
        row.map(|row| row.head)
            .ok_or_else(|| db::Error::corrupt("log_head", "partition", partition))
    }

    /// When an entry was recorded, whoever's it is.
    pub(crate) async fn recorded(
        &self,
        position: Position,
    ) -> Result<Option<Timestamp>, db::Error> {
        let recorded: Option<i64> =
            event::Entity::find_by_id((position.partition.get(), position.seq))
                .select_only()
                .column(event::Column::RecordedTime)
                .into_tuple()
                .one(self.0.reader())
                .await?;
        Ok(recorded.map(Timestamp::from_micros))
    }
}

/// In the order of the ledger.
fn of_workspace(workspace: WorkspaceId) -> Select<event::Entity> {
    event::Entity::find()
        .filter(event::Column::Partition.eq(workspace.partition().get()))
        .filter(event::Column::Workspace.eq(workspace.get()))
        .order_by_asc(event::Column::Seq)
}

impl Row {
    fn read(row: event::Model) -> Result<Self, db::Error> {
        let key = format_args!("{}/{}", row.partition, row.seq);
        let partition = Partition::new(row.partition)
            .ok_or_else(|| db::Error::corrupt("event", "partition", key))?;
        let event::Model { seq, workspace, recorded_time, occurred_time, .. } = row;
        let times = (recorded_time, occurred_time);
        Self::of(partition, (seq, workspace, times.0, times.1, row.trace_context, row.record))
    }

    fn of(partition: Partition, row: Tailed) -> Result<Self, db::Error> {
        let (seq, workspace, recorded, occurred, trace, record) = row;
        let corrupt = |column| db::Error::corrupt("event", column, format!("{partition}/{seq}"));
        let trace = trace
            .map(|bytes| TraceContext::from_bytes(&bytes).ok_or_else(|| corrupt("trace_context")));
        Ok(Self {
            position: Position { partition, seq },
            workspace: WorkspaceId::new(workspace).ok_or_else(|| corrupt("workspace"))?,
            recorded: Timestamp::from_micros(recorded),
            occurred: Timestamp::from_micros(occurred),
            trace: trace.transpose()?,
            record: record.into(),
        })
    }
}
