//! Writing a batch's deltas: a handful of statements, however many events the batch held.
//!
//! Tables are joined to the rows with CROSS JOIN: SQLite takes that as "rows first", where it would
//! otherwise be free to walk the whole table. PostgreSQL plans it as any join.

use std::collections::HashMap;

use db::bulk::Rows;
use kernel::{Partition, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::generations::Lane;
use super::read::SUMS;
use crate::digest::{Digest, digest};
use crate::domain::{CellDelta, Content, Deltas, Durations, TicketCounts};

const ADD_SETS: &str = "INSERT INTO dimension_set ({columns}) SELECT {columns} FROM {rows} WHERE true \
     ON CONFLICT (partition, workspace, digest) DO NOTHING";

const FIND_TICKETS: &str = "SELECT rows.place, ticket.number FROM {rows} CROSS JOIN ticket \
     WHERE ticket.partition = {0} AND ticket.workspace = rows.workspace \
     AND ticket.ticket_id = rows.ticket_id";

const COUNT_TICKETS: &str = "INSERT INTO ticket_count ({columns}) SELECT {columns} FROM {rows} \
     WHERE true ON CONFLICT (partition, workspace) \
     DO UPDATE SET tickets = ticket_count.tickets + excluded.tickets RETURNING workspace, tickets";

const ADD_TICKETS: &str = "INSERT INTO ticket ({columns}) SELECT {columns} FROM {rows} WHERE true";

const FIND_CONTENT: &str = "SELECT rows.place, cell.tickets, cell.durations \
     FROM {rows} CROSS JOIN cell \
     WHERE cell.partition = {0} AND cell.workspace = rows.workspace \
     AND cell.generation = rows.generation AND cell.level = rows.level \
     AND cell.start_time = rows.start_time AND cell.digest = rows.digest";

const ADD_CELLS: &str = "INSERT INTO cell ({columns}) SELECT {columns} FROM {rows} WHERE true \
     ON CONFLICT (partition, workspace, generation, level, start_time, digest) DO UPDATE SET \
     events = cell.events + excluded.events, gross_ms = cell.gross_ms + excluded.gross_ms, \
     credited_ms = cell.credited_ms + excluded.credited_ms, \
     strict_ms = cell.strict_ms + excluded.strict_ms, \
     cost_micros = cell.cost_micros + excluded.cost_micros, \
     converted_micros = cell.converted_micros + excluded.converted_micros, \
     unconverted_micros = cell.unconverted_micros + excluded.unconverted_micros, \
     unconverted = cell.unconverted + excluded.unconverted, \
     uncosted = cell.uncosted + excluded.uncosted, unvalued = cell.unvalued + excluded.unvalued, \
     tickets = excluded.tickets, durations = excluded.durations";

pub(super) async fn deltas(
    txn: &DatabaseTransaction,
    partition: Partition,
    lane: &Lane,
    deltas: &Deltas,
) -> Result<(), db::Error> {
    if deltas.is_empty() {
        return Ok(());
    }
    let digests: Vec<Digest> = deltas.dimensions.iter().map(|(_, set)| digest(set)).collect();
    sets(txn, partition, deltas, &digests).await?;
    let numbers = tickets(txn, partition, deltas).await?;
    cells(txn, partition, lane, deltas, &digests, &numbers).await
}

async fn sets(
    txn: &DatabaseTransaction,
    partition: Partition,
    deltas: &Deltas,
    digests: &[Digest],
) -> Result<(), db::Error> {
    let sets = &deltas.dimensions;
    let text = |of: fn(&crate::domain::Dimensions) -> &str| {
        sets.iter().map(|(_, set)| of(set).to_owned()).collect::<Vec<_>>()
    };
    let rows = Rows::new()
        .int("partition", vec![partition.get().into(); sets.len()])
        .int("workspace", sets.iter().map(|(workspace, _)| workspace.get()).collect())
        .bytes("digest", digests.iter().map(|digest| digest.to_vec()).collect())
        .text("task_type", text(|set| &set.task_type))
        .text("agent", text(|set| &set.agent))
        .text("outcome", text(|set| set.outcome.as_str()))
        .text("project", text(|set| &set.project))
        .text("intent", text(|set| &set.intent))
        .text("queue", text(|set| &set.queue))
        .text("channel", text(|set| &set.channel))
        .text("language", text(|set| &set.language))
        .text("model", text(|set| &set.model))
        .text("baseline_version", text(|set| &set.baseline_version))
        .text("rate_version", text(|set| &set.rate_version))
        .opt_int("technical", sets.iter().map(|(_, set)| set.technical.map(i64::from)).collect())
        .opt_int(
            "rate_micros_per_hour",
            sets.iter().map(|(_, set)| set.rate.map(|rate| rate.micros_per_hour)).collect(),
        )
        .opt_text(
            "rate_currency",
            sets.iter().map(|(_, set)| set.rate.map(|rate| rate.currency.to_string())).collect(),
        )
        .opt_text(
            "cost_currency",
            sets.iter().map(|(_, set)| set.cost_currency.map(|code| code.to_string())).collect(),
        );
    txn.execute_raw(rows.statement(txn.get_database_backend(), ADD_SETS)).await?;
    Ok(())
}

/// The numbers of the batch's tickets, new ones drawn and written.
async fn tickets(
    txn: &DatabaseTransaction,
    partition: Partition,
    deltas: &Deltas,
) -> Result<Vec<u32>, db::Error> {
    let tickets = &deltas.tickets;
    if tickets.is_empty() {
        return Ok(Vec::new());
    }
    let mut numbers = known(txn, partition, tickets).await?;
    let mut new: HashMap<WorkspaceId, Vec<usize>> = HashMap::new();
    for (place, number) in numbers.iter().enumerate() {
        if number.is_none() {
            new.entry(tickets[place].0).or_default().push(place);
        }
    }
    if !new.is_empty() {
        draw(txn, partition, deltas, &new, &mut numbers).await?;
    }
    Ok(numbers.into_iter().map(|number| number.expect("found above or drawn")).collect())
}

/// The numbers of tickets, in their order; `None` for one that has none.
pub(super) async fn known(
    db: &impl ConnectionTrait,
    partition: Partition,
    tickets: &[(WorkspaceId, String)],
) -> Result<Vec<Option<u32>>, db::Error> {
    let rows = Rows::new()
        .int("place", (0i64..).take(tickets.len()).collect())
        .int("workspace", tickets.iter().map(|(workspace, _)| workspace.get()).collect())
        .text("ticket_id", tickets.iter().map(|(_, id)| id.clone()).collect())
        .bind(partition.get());
    let mut numbers: Vec<Option<u32>> = vec![None; tickets.len()];
    let find = rows.statement(db.get_database_backend(), FIND_TICKETS);
    for row in db.query_all_raw(find).await? {
        let place: i64 = row.try_get("", "place")?;
        let number: i64 = row.try_get("", "number")?;
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let known = u32::try_from(number).ok();
        match (numbers.get_mut(place), known) {
            (Some(slot), Some(number)) => *slot = Some(number),
            _ => return Err(db::Error::corrupt("ticket", "number", number)),
        }
    }
    Ok(numbers)
}

/// Draws the next numbers of each workspace for its new tickets and writes them down.
async fn draw(
    txn: &DatabaseTransaction,
    partition: Partition,
    deltas: &Deltas,
    new: &HashMap<WorkspaceId, Vec<usize>>,
    numbers: &mut [Option<u32>],
) -> Result<(), db::Error> {
    let backend = txn.get_database_backend();
    let counts = Rows::new()
        .int("partition", vec![partition.get().into(); new.len()])
        .int("workspace", new.keys().map(|workspace| workspace.get()).collect())
        .int("tickets", new.values().map(|places| places.len() as i64).collect());
    let mut ends = HashMap::new();
    for row in txn.query_all_raw(counts.statement(backend, COUNT_TICKETS)).await? {
        ends.insert(row.try_get::<i64>("", "workspace")?, row.try_get::<i64>("", "tickets")?);
    }
    let (mut workspaces, mut ids, mut drawn) = (Vec::new(), Vec::new(), Vec::new());
    for (workspace, places) in new {
        let corrupt = || db::Error::corrupt("ticket_count", "tickets", workspace);
        let end = *ends.get(&workspace.get()).ok_or_else(corrupt)?;
        let first = end - places.len() as i64;
        for (&place, number) in places.iter().zip(first..) {
            numbers[place] = Some(u32::try_from(number).map_err(|_| corrupt())?);
            workspaces.push(workspace.get());
            ids.push(deltas.tickets[place].1.clone());
            drawn.push(number);
        }
    }
    let rows = Rows::new()
        .int("partition", vec![partition.get().into(); drawn.len()])
        .int("workspace", workspaces)
        .text("ticket_id", ids)
        .int("number", drawn);
    txn.execute_raw(rows.statement(backend, ADD_TICKETS)).await?;
    Ok(())
}

async fn cells(
    txn: &DatabaseTransaction,
    partition: Partition,
    lane: &Lane,
    deltas: &Deltas,
    digests: &[Digest],
    numbers: &[u32],
) -> Result<(), db::Error> {
    let cells = &deltas.cells;
    let column = |of: fn(&CellDelta) -> i64| cells.iter().map(of).collect::<Vec<_>>();
    let generations = || cells.iter().map(|cell| lane.generation(cell.workspace)).collect();
    let key = || {
        Rows::new()
            .int("workspace", column(|cell| cell.workspace.get()))
            .int("generation", generations())
            .int("level", column(|cell| cell.level.number().into()))
            .int("start_time", column(|cell| cell.start.micros()))
            .bytes("digest", cells.iter().map(|cell| digests[cell.dimensions].to_vec()).collect())
    };
    let mut contents: Vec<Content> = cells.iter().map(|cell| content(cell, numbers)).collect();
    let find = key().int("place", (0i64..).take(cells.len()).collect()).bind(partition.get());
    let backend = txn.get_database_backend();
    for row in txn.query_all_raw(find.statement(backend, FIND_CONTENT)).await? {
        let place: i64 = row.try_get("", "place")?;
        let corrupt = |column| db::Error::corrupt("cell", column, place);
        let at = usize::try_from(place).map_err(|_| corrupt("tickets"))?;
        let added = contents.get_mut(at).ok_or_else(|| corrupt("tickets"))?;
        let tickets: Vec<u8> = row.try_get("", "tickets")?;
        let mut tickets = TicketCounts::from_bytes(&tickets).map_err(|_| corrupt("tickets"))?;
        tickets.merge(&added.tickets);
        added.tickets = tickets;
        let durations: Vec<u8> = row.try_get("", "durations")?;
        let durations = Durations::from_bytes(&durations).map_err(|_| corrupt("durations"))?;
        added.durations.merge(&durations);
    }
    let mut rows = key().int("partition", vec![partition.get().into(); cells.len()]);
    let sums: Vec<_> = contents.iter().map(|content| content.measures.to_array()).collect();
    for (at, name) in SUMS.into_iter().enumerate() {
        rows = rows.int(name, sums.iter().map(|sums| sums[at]).collect());
    }
    let rows = rows
        .bytes("tickets", contents.iter().map(|content| content.tickets.to_bytes()).collect())
        .bytes("durations", contents.iter().map(|content| content.durations.to_bytes()).collect());
    txn.execute_raw(rows.statement(backend, ADD_CELLS)).await?;
    Ok(())
}

/// What a delta adds, its tickets by number.
fn content(cell: &CellDelta, numbers: &[u32]) -> Content {
    let mut tickets = TicketCounts::default();
    for &(ticket, events) in &cell.tickets {
        tickets.add(numbers[ticket], events);
    }
    Content { measures: cell.measures, tickets, durations: cell.durations.clone() }
}
