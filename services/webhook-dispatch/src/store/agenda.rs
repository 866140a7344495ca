//! Finding what is due, at a cost that does not grow with how much is: every look goes down an index to
//! the one row it wants.

use db::bulk::Rows;
use kernel::{Partition, Timestamp};
use sea_orm::sea_query::{Asterisk, Query, SelectStatement, UnionType};
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DbBackend, EntityTrait as _, FromQueryResult,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _, Statement,
};

use super::entity::delivery;
use super::{Due, Error, row};
use crate::domain::EndpointId;

/// Endpoints looked up in one statement: few texts to prepare, and few round trips.
const TOGETHER: usize = 16;

#[derive(FromQueryResult)]
struct Line {
    /// A partition or an endpoint.
    of: i64,
    earliest: Option<i64>,
}

/// As [`Store::agenda`](super::Store::agenda).
pub(super) async fn partitions(
    reader: &DatabaseConnection,
    horizon: Timestamp,
) -> Result<Vec<(Partition, Timestamp)>, Error> {
    let statement = partitions_statement(reader.get_database_backend(), horizon);
    let lines = Line::find_by_statement(statement).all(reader).await?;
    let partition = |of| i16::try_from(of).ok().and_then(Partition::new);
    Ok(lines
        .into_iter()
        .filter_map(|l| Some((partition(l.of)?, Timestamp::from_micros(l.earliest?))))
        .collect())
}

/// As [`Store::waiting`](super::Store::waiting).
pub(super) async fn endpoints(
    reader: &DatabaseConnection,
    partition: Partition,
    now: Timestamp,
) -> Result<Vec<(EndpointId, Timestamp)>, Error> {
    let statement = endpoints_statement(reader.get_database_backend(), partition, now);
    let mut found = Vec::new();
    for line in Line::find_by_statement(statement).all(reader).await? {
        let Some(earliest) = line.earliest else { continue };
        let endpoint = EndpointId::new(line.of)
            .ok_or_else(|| Error::corrupt("delivery", "endpoint", line.of))?;
        found.push((endpoint, Timestamp::from_micros(earliest)));
    }
    found.sort_unstable_by_key(|(endpoint, earliest)| (*earliest, *endpoint));
    Ok(found)
}

/// As [`Store::due`](super::Store::due).
pub(super) async fn due(
    reader: &DatabaseConnection,
    partition: Partition,
    now: Timestamp,
    of: &[(EndpointId, u64)],
) -> Result<Vec<Due>, Error> {
    let mut found = Vec::new();
    for some in of.chunks(TOGETHER) {
        let Some(statement) = due_statement(reader.get_database_backend(), partition, now, some)
        else {
            continue;
        };
        for found_row in delivery::Model::find_by_statement(statement).all(reader).await? {
            found.push(row::due(found_row)?);
        }
    }
    found.sort_unstable_by_key(|due| (due.due, due.id));
    Ok(found)
}

pub(super) fn partitions_statement(backend: DbBackend, horizon: Timestamp) -> Statement {
    Rows::new()
        .int("of_partition", Partition::all().map(|p| i64::from(p.get())).collect())
        .bind(horizon.micros())
        .statement(
            backend,
            "SELECT rows.of_partition AS \"of\", (SELECT delivery.due_time FROM delivery \
             WHERE delivery.\"partition\" = rows.of_partition AND delivery.due_time <= {0} \
             ORDER BY delivery.due_time LIMIT 1) AS earliest FROM {rows} ORDER BY 1",
        )
}

/// Goes from each endpoint with something pending to the next one, then asks for the first of each.
pub(super) fn endpoints_statement(
    backend: DbBackend,
    partition: Partition,
    now: Timestamp,
) -> Statement {
    Rows::new().int("of_partition", vec![i64::from(partition.get())]).bind(now.micros()).statement(
        backend,
        "WITH RECURSIVE waiting (of_partition, endpoint) AS ( \
             SELECT rows.of_partition, (SELECT delivery.endpoint FROM delivery \
             WHERE delivery.\"partition\" = rows.of_partition AND delivery.due_time IS NOT NULL \
             ORDER BY delivery.endpoint LIMIT 1) FROM {rows} \
             UNION ALL \
             SELECT waiting.of_partition, (SELECT delivery.endpoint FROM delivery \
             WHERE delivery.\"partition\" = waiting.of_partition \
             AND delivery.endpoint > waiting.endpoint AND delivery.due_time IS NOT NULL \
             ORDER BY delivery.endpoint LIMIT 1) FROM waiting WHERE waiting.endpoint IS NOT NULL) \
             SELECT waiting.endpoint AS \"of\", (SELECT delivery.due_time FROM delivery \
             WHERE delivery.\"partition\" = waiting.of_partition \
             AND delivery.endpoint = waiting.endpoint AND delivery.due_time <= {0} \
             ORDER BY delivery.due_time LIMIT 1) AS earliest \
             FROM waiting WHERE waiting.endpoint IS NOT NULL",
    )
}

/// `None` without any endpoint.
pub(super) fn due_statement(
    backend: DbBackend,
    partition: Partition,
    now: Timestamp,
    of: &[(EndpointId, u64)],
) -> Option<Statement> {
    let mut looks = of.iter().map(|(endpoint, most)| oldest(partition, now, *endpoint, *most));
    let mut query = looks.next()?;
    for look in looks {
        query.union(UnionType::All, look);
    }
    Some(backend.build(&query))
}

fn oldest(
    partition: Partition,
    now: Timestamp,
    endpoint: EndpointId,
    most: u64,
) -> SelectStatement {
    use delivery::Column;
    let rows = delivery::Entity::find()
        .filter(Column::Partition.eq(partition.get()))
        .filter(Column::Endpoint.eq(endpoint.get()))
        .filter(Column::DueTime.lte(now.micros()))
        .order_by_asc(Column::DueTime)
        .order_by_asc(Column::Seq)
        .limit(most)
        .into_query();
    // An order and a limit of its own need a SELECT around them in a UNION.
    Query::select().column(Asterisk).from_subquery(rows, "oldest").to_owned()
}
