//! Reading windows: one statement, so that cells and position are of one moment on both databases. The
//! dimension sets come in a second one: they are written with their first cell and never change.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use db::bulk::Rows;
use kernel::{Currency, Outcome, Position, Timestamp, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult};

use super::{Held, Reading};
use crate::domain::{
    AlignedWindow, Cell, Content, Dimensions, Durations, Level, Measures, Rate, Span, TicketCounts,
    TicketSet,
};

const TABLE: &str = "dimension_set";

/// The columns of a cell's sums, in the order of [`Measures::to_array`].
pub(super) const SUMS: [&str; Measures::COUNT] = [
    "events",
    "gross_ms",
    "credited_ms",
    "strict_ms",
    "cost_micros",
    "converted_micros",
    "unconverted_micros",
    "unconverted",
    "uncosted",
    "unvalued",
];

/// The cursor's row is there even when no cell is, and says as of when there is none.
const READ: &str = "SELECT tail_partition.seq AS as_of, found.* FROM tail_partition LEFT JOIN (\
     SELECT rows.bucket, cell.level, cell.start_time, cell.digest, \
     cell.events, cell.gross_ms, cell.credited_ms, cell.strict_ms, \
     cell.cost_micros, cell.converted_micros, cell.unconverted_micros, cell.unconverted, \
     cell.uncosted, cell.unvalued, cell.tickets, cell.durations \
     FROM {rows} CROSS JOIN cell \
     WHERE cell.partition = {0} AND cell.workspace = {1} AND cell.generation = COALESCE((\
     SELECT generation.live FROM generation \
     WHERE generation.partition = {0} AND generation.workspace = {1}), 0) \
     AND cell.level = rows.level \
     AND cell.start_time >= rows.from_time AND cell.start_time < rows.to_time\
     ) AS found ON true WHERE tail_partition.partition = {0}";

const READ_SETS: &str = "SELECT dims.digest, \
     dims.task_type, dims.agent, dims.outcome, dims.project, dims.intent, dims.queue, dims.channel, \
     dims.language, dims.technical, dims.model, dims.baseline_version, dims.rate_version, \
     dims.rate_micros_per_hour, dims.rate_currency, dims.cost_currency \
     FROM {rows} CROSS JOIN dimension_set AS dims \
     WHERE dims.partition = {0} AND dims.workspace = {1} AND dims.digest = rows.digest";

/// The cells of some windows, each with the number of its window; summed over it by dimension set.
pub(super) async fn windows(
    db: &DatabaseConnection,
    workspace: WorkspaceId,
    windows: &[AlignedWindow],
) -> Result<Reading<(usize, Cell)>, db::Error> {
    let spans: Vec<(i64, Span)> = (0..)
        .zip(windows)
        .flat_map(|(bucket, window)| window.cover().into_iter().map(move |span| (bucket, span)))
        .collect();
    let (as_of, rows) = read(db, workspace, &spans).await?;
    let mut sums: HashMap<(usize, Vec<u8>), Sum> = HashMap::new();
    for row in rows {
        let Some(digest) = row.try_get::<Option<Vec<u8>>>("", "digest")? else { continue };
        let bucket = usize::try_from(row.try_get::<i64>("", "bucket")?).unwrap_or(usize::MAX);
        let (measures, tickets, durations) = (measures(&row)?, tickets(&row)?, durations(&row)?);
        let sum = sums.entry((bucket, digest)).or_default();
        sum.measures += measures;
        sum.tickets.merge(&tickets);
        sum.durations.merge(&durations);
    }
    let sets = sets(db, workspace, sums.keys().map(|(_, digest)| digest)).await?;
    let mut cells = Vec::with_capacity(sums.len());
    for ((bucket, digest), Sum { measures, tickets, durations }) in sums {
        let cell = Cell { dimensions: set(&sets, &digest)?, measures, tickets, durations };
        if !cell.is_empty() {
            cells.push((bucket, cell));
        }
    }
    Ok(Reading { as_of, cells })
}

/// What the cells of a window and a dimension set come to.
#[derive(Default)]
struct Sum {
    measures: Measures,
    tickets: TicketSet,
    durations: Durations,
}

/// Every cell that begins in a window, one by one, days and quarters alike.
pub(super) async fn every(
    db: &DatabaseConnection,
    workspace: WorkspaceId,
    window: &AlignedWindow,
) -> Result<Reading<Held>, db::Error> {
    let spans: Vec<(i64, Span)> =
        Level::ALL.into_iter().map(|level| (0, Span { level, window: window.window() })).collect();
    let (as_of, rows) = read(db, workspace, &spans).await?;
    let mut found = Vec::new();
    for row in rows {
        let Some(digest) = row.try_get::<Option<Vec<u8>>>("", "digest")? else { continue };
        let number: i16 = row.try_get("", "level")?;
        let corrupt = |column| db::Error::corrupt("cell", column, hex(&digest));
        let level = Level::ALL.into_iter().find(|level| level.number() == number);
        let tickets: Vec<u8> = row.try_get("", "tickets")?;
        let content = Content {
            measures: measures(&row)?,
            tickets: TicketCounts::from_bytes(&tickets).map_err(|_| corrupt("tickets"))?,
            durations: durations(&row)?,
        };
        if !content.is_empty() {
            let level = level.ok_or_else(|| corrupt("level"))?;
            let start = Timestamp::from_micros(row.try_get("", "start_time")?);
            found.push((digest, level, start, content));
        }
    }
    let sets = sets(db, workspace, found.iter().map(|(digest, ..)| digest)).await?;
    let cells = found.into_iter().map(|(digest, level, start, content)| {
        Ok(Held { level, start, dimensions: set(&sets, &digest)?, content })
    });
    Ok(Reading { as_of, cells: cells.collect::<Result<_, db::Error>>()? })
}

async fn read(
    db: &DatabaseConnection,
    workspace: WorkspaceId,
    spans: &[(i64, Span)],
) -> Result<(Position, Vec<QueryResult>), db::Error> {
    let partition = workspace.partition();
    let column = |of: fn(&Span) -> i64| spans.iter().map(|(_, span)| of(span)).collect::<Vec<_>>();
    let statement = Rows::new()
        .int("bucket", spans.iter().map(|(bucket, _)| *bucket).collect())
        .int("level", column(|span| span.level.number().into()))
        .int("from_time", column(|span| span.window.start().micros()))
        .int("to_time", column(|span| span.window.end().micros()))
        .bind(partition.get())
        .bind(workspace.get())
        .statement(db.get_database_backend(), READ);
    let rows = db.query_all_raw(statement).await?;
    let seq = rows.first().map_or(Ok(0), |row| row.try_get("", "as_of"))?;
    Ok((Position { partition, seq }, rows))
}

type Sets = HashMap<Vec<u8>, Arc<Dimensions>>;

/// The dimension sets of these names.
async fn sets(
    db: &DatabaseConnection,
    workspace: WorkspaceId,
    digests: impl Iterator<Item = &Vec<u8>>,
) -> Result<Sets, db::Error> {
    let digests: BTreeSet<&Vec<u8>> = digests.collect();
    if digests.is_empty() {
        return Ok(Sets::new());
    }
    let statement = Rows::new()
        .bytes("digest", digests.into_iter().cloned().collect())
        .bind(workspace.partition().get())
        .bind(workspace.get())
        .statement(db.get_database_backend(), READ_SETS);
    let mut sets = Sets::new();
    for row in db.query_all_raw(statement).await? {
        let digest: Vec<u8> = row.try_get("", "digest")?;
        let set = Arc::new(dimensions(&row, &digest)?);
        sets.insert(digest, set);
    }
    Ok(sets)
}

fn set(sets: &Sets, digest: &[u8]) -> Result<Arc<Dimensions>, db::Error> {
    let set = sets.get(digest).map(Arc::clone);
    set.ok_or_else(|| db::Error::corrupt(TABLE, "digest", hex(digest)))
}

fn measures(row: &QueryResult) -> Result<Measures, db::Error> {
    let mut sums = [0; Measures::COUNT];
    for (sum, column) in sums.iter_mut().zip(SUMS) {
        *sum = row.try_get("", column)?;
    }
    Ok(Measures::from_array(sums))
}

fn durations(row: &QueryResult) -> Result<Durations, db::Error> {
    let bytes: Vec<u8> = row.try_get("", "durations")?;
    Durations::from_bytes(&bytes)
        .map_err(|_| db::Error::corrupt("cell", "durations", "of a window"))
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
