//! How many entries each workspace has, by month: counted behind the ledger, so that appending does
//! not pay for it and nothing but entries counts.

use std::collections::{BTreeMap, BTreeSet};

use db::Db;
use db::bulk::{Rows, Transaction};
use kernel::{Partition, Position, WorkspaceId};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::entity::{usage_cursor, workspace_limit};
use crate::domain::Month;
use crate::domain::limits::CALL_DENIED;

/// Events of a workspace in a month.
pub(crate) type MonthlyEvents = BTreeMap<(WorkspaceId, Month), i64>;

/// Where usage lies.
#[derive(Clone)]
pub(crate) struct UsageStore(pub(crate) Db);

/// Where a partition's cursor stands after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    To(i64),
    /// Another replica counted in between; this is how far.
    Elsewhere(i64),
}

impl UsageStore {
    /// How far each partition is counted.
    pub(crate) async fn cursors(&self) -> Result<Vec<Position>, db::Error> {
        let rows = usage_cursor::Entity::find().all(self.0.reader()).await?;
        let cursors = rows.into_iter().filter_map(|row| {
            Some(Position { partition: Partition::new(row.partition)?, seq: row.seq })
        });
        Ok(cursors.collect())
    }

    /// The partitions with a workspace that has a quota.
    pub(crate) async fn metered(&self) -> Result<BTreeSet<Partition>, db::Error> {
        use workspace_limit::Column;
        let rows: Vec<i16> = workspace_limit::Entity::find()
            .select_only()
            .column(Column::Partition)
            .filter(Column::QuotaSoft.gt(0).or(Column::QuotaHard.gt(0)))
            .distinct()
            .into_tuple()
            .all(self.0.reader())
            .await?;
        Ok(rows.into_iter().filter_map(Partition::new).collect())
    }

    /// Counts the entries behind `from` up to `to`, and moves the cursor with them, or finds that
    /// somebody else did.
    pub(crate) async fn count(&self, from: Position, to: i64) -> Result<Counted, db::Error> {
        self.step(from, to, None).await
    }

    /// The same where it is known how many they are.
    pub(crate) async fn add(
        &self,
        from: Position,
        to: i64,
        events: MonthlyEvents,
    ) -> Result<Counted, db::Error> {
        self.step(from, to, Some(events)).await
    }

    async fn step(
        &self,
        from: Position,
        to: i64,
        known: Option<MonthlyEvents>,
    ) -> Result<Counted, db::Error> {
        self.0
            .write_rows(move |txn| {
                Box::pin(async move {
                    // First: whoever waits for this row finds it moved, and counts nothing twice.
                    let moved = txn.execute(
                        cursor(from).bind(to),
                        "UPDATE usage_cursor SET seq = {0} FROM {rows} \
                         WHERE usage_cursor.partition = rows.partition AND usage_cursor.seq = rows.seq",
                    );
                    if moved.await? == 0 {
                        return elsewhere(txn, from).await;
                    }
                    let events = match known {
                        Some(events) => events,
                        None => counted(txn, from, to).await?,
                    };
                    let partition = i64::from(from.partition.get());
                    let rows = Rows::new()
                        .int("partition", vec![partition; events.len()])
                        .int("workspace", events.keys().map(|(of, _)| of.get()).collect())
                        .int("month", events.keys().map(|(_, month)| month.to_row()).collect())
                        .int("events", events.into_values().collect());
                    let sql = "INSERT INTO workspace_usage ({columns}) SELECT {columns} FROM {rows} WHERE true \
                               ON CONFLICT (partition, workspace, month) \
                               DO UPDATE SET events = workspace_usage.events + excluded.events";
                    txn.execute(rows, sql).await?;
                    Ok(Counted::To(to))
                })
            })
            .await
    }

    /// The entries of a workspace in `month`, and the seq up to which they are counted: both of one
    /// moment.
    pub(crate) async fn used(
        &self,
        workspace: WorkspaceId,
        month: Month,
    ) -> Result<(u64, i64), db::Error> {
        let corrupt = |column| db::Error::corrupt("workspace_usage", column, workspace);
        let statement = Rows::new()
            .int("partition", vec![workspace.partition().get().into()])
            .int("workspace", vec![workspace.get()])
            .int("month", vec![month.to_row()])
            .statement(
                self.0.backend(),
                "SELECT COALESCE(u.events, 0), c.seq FROM {rows} \
                 JOIN usage_cursor c ON c.partition = rows.partition \
                 LEFT JOIN workspace_usage u ON u.partition = rows.partition \
                 AND u.workspace = rows.workspace AND u.month = rows.month",
            );
        let row = self.0.reader().query_one_raw(statement).await?;
        let row = row.ok_or_else(|| corrupt("partition"))?;
        let (events, seq): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        Ok((u64::try_from(events).map_err(|_| corrupt("events"))?, seq))
    }
}

fn cursor(from: Position) -> Rows {
    Rows::new().int("partition", vec![from.partition.get().into()]).int("seq", vec![from.seq])
}

/// How far somebody else has counted.
async fn elsewhere(txn: &mut Transaction, from: Position) -> Result<Counted, db::Error> {
    let sql = "SELECT c.seq FROM {rows} JOIN usage_cursor c ON c.partition = rows.partition";
    let found = txn.fetch::<(i64,)>(cursor(from), sql).await?;
    let stands = found.first().map(|row| row.0);
    let corrupt = || db::Error::corrupt("usage_cursor", "partition", from.partition);
    Ok(Counted::Elsewhere(stands.ok_or_else(corrupt)?))
}

/// The entries behind `from` up to `to`, counted one by one.
async fn counted(
    txn: &mut Transaction,
    from: Position,
    to: i64,
) -> Result<MonthlyEvents, db::Error> {
    let days = txn.fetch::<(i64, i64, i64)>(
        cursor(from).bind(to).bind(i64::from(CALL_DENIED)),
        "SELECT e.workspace, e.recorded_time / 86400000000, count(*) FROM {rows} \
         JOIN event e ON e.partition = rows.partition AND e.seq > rows.seq AND e.seq <= {0} \
         AND e.kind <> {1} GROUP BY e.workspace, e.recorded_time / 86400000000",
    );
    let mut events = MonthlyEvents::new();
    for (number, day, count) in days.await? {
        let corrupt = || db::Error::corrupt("event", "workspace", number);
        let workspace = WorkspaceId::new(number).ok_or_else(corrupt)?;
        *events.entry((workspace, Month::of_day(day))).or_insert(0) += count;
    }
    Ok(events)
}
