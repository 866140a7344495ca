//! Reading a window: one statement, so that cells and position are of one moment on both databases.

use std::collections::HashMap;

use db::bulk::Rows;
use kernel::{Currency, Outcome, Position, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult};

use super::Reading;
use crate::domain::{AlignedWindow, Cell, Dimensions, Measures, Rate, Span, TicketSet};

const TABLE: &str = "dimension_set";

/// The cursor's row is there even when no cell is, and says as of when there is none.
const READ: &str = "SELECT tail_partition.seq AS as_of, found.* FROM tail_partition LEFT JOIN (\
     SELECT cell.digest, cell.events, cell.gross_ms, cell.credited_ms, cell.strict_ms, \
     cell.cost_micros, cell.uncosted, cell.unvalued, cell.tickets, \
     dims.task_type, dims.agent, dims.outcome, dims.project, dims.intent, dims.queue, dims.channel, \
     dims.language, dims.technical, dims.model, dims.baseline_version, dims.rate_version, \
     dims.rate_micros_per_hour, dims.rate_currency, dims.cost_currency \
     FROM {rows} CROSS JOIN cell CROSS JOIN dimension_set AS dims \
     WHERE cell.partition = {0} AND cell.workspace = {1} AND cell.level = rows.level \
     AND cell.start_time >= rows.from_time AND cell.start_time < rows.to_time \
     AND dims.partition = {0} AND dims.workspace = {1} AND dims.digest = cell.digest\
     ) AS found ON true WHERE tail_partition.partition = {0}";

pub(super) async fn window(
    db: &DatabaseConnection,
    workspace: WorkspaceId,
    window: &AlignedWindow,
) -> Result<Reading, db::Error> {
    let partition = workspace.partition();
    let spans = window.cover();
    let column = |of: fn(&Span) -> i64| spans.iter().map(of).collect::<Vec<_>>();
    let statement = Rows::new()
        .int("level", column(|span| span.level.number().into()))
        .int("from_time", column(|span| span.window.start().micros()))
        .int("to_time", column(|span| span.window.end().micros()))
        .bind(partition.get())
        .bind(workspace.get())
        .statement(db.get_database_backend(), READ);
    let mut as_of = Position { partition, seq: 0 };
    let mut cells: HashMap<Vec<u8>, Cell> = HashMap::new();
    for row in db.query_all_raw(statement).await? {
        as_of.seq = row.try_get("", "as_of")?;
        let Some(digest) = row.try_get::<Option<Vec<u8>>>("", "digest")? else { continue };
        let (measures, tickets) = (measures(&row)?, tickets(&row)?);
        if let Some(cell) = cells.get_mut(&digest) {
            cell.measures += measures;
            cell.tickets.merge(&tickets);
        } else {
            let dimensions = dimensions(&row, &digest)?;
            cells.insert(digest, Cell { dimensions, measures, tickets });
        }
    }
    Ok(Reading { as_of, cells: cells.into_values().collect() })
}

fn measures(row: &QueryResult) -> Result<Measures, db::Error> {
    Ok(Measures {
        events: row.try_get("", "events")?,
        gross_ms: row.try_get("", "gross_ms")?,
        credited_ms: row.try_get("", "credited_ms")?,
        strict_ms: row.try_get("", "strict_ms")?,
        cost_micros: row.try_get("", "cost_micros")?,
        uncosted: row.try_get("", "uncosted")?,
        unvalued: row.try_get("", "unvalued")?,
    })
}

fn tickets(row: &QueryResult) -> Result<TicketSet, db::Error> {
    let bytes: Vec<u8> = row.try_get("", "tickets")?;
    TicketSet::from_bytes(&bytes).map_err(|_| db::Error::corrupt("cell", "tickets", "of a window"))
}

fn dimensions(row: &QueryResult, digest: &[u8]) -> Result<Dimensions, db::Error> {
    let corrupt = |column| db::Error::corrupt(TABLE, column, hex(digest));
    let currency = |column| -> Result<Option<Currency>, db::Error> {
        let code: Option<String> = row.try_get("", column)?;
        code.map(|code| Currency::new(&code).map_err(|_| corrupt(column))).transpose()
    };
    let rate_currency = currency("rate_currency")?;
    let rate = match (row.try_get("", "rate_micros_per_hour")?, rate_currency) {
        (Some(micros_per_hour), Some(currency)) => Some(Rate { micros_per_hour, currency }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(corrupt("rate_currency")),
    };
    let outcome: String = row.try_get("", "outcome")?;
    let technical: Option<i16> = row.try_get("", "technical")?;
    Ok(Dimensions {
        task_type: row.try_get("", "task_type")?,
        agent: row.try_get("", "agent")?,
        outcome: Outcome::parse(&outcome).ok_or_else(|| corrupt("outcome"))?,
        project: row.try_get("", "project")?,
        intent: row.try_get("", "intent")?,
        queue: row.try_get("", "queue")?,
        channel: row.try_get("", "channel")?,
        language: row.try_get("", "language")?,
        technical: technical.map(|flag| flag != 0),
        model: row.try_get("", "model")?,
        baseline_version: row.try_get("", "baseline_version")?,
        rate_version: row.try_get("", "rate_version")?,
        rate,
        cost_currency: currency("cost_currency")?,
    })
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
