//! Writing a batch's deltas: a handful of statements, however many events the batch held.
//!
//! Tables are joined to the rows with CROSS JOIN: SQLite takes that as "rows first", where it would
//! otherwise be free to walk the whole table. PostgreSQL plans it as any join.

use std::borrow::Cow;
use std::collections::HashMap;

use db::bulk::Rows;
use kernel::WorkspaceId;
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::block::Block;
use super::generations::Lane;
use super::packs;
use super::tiers::Place;
use crate::domain::{CellDelta, Folded};

const FIND_TICKETS: &str = "SELECT rows.place, ticket.number FROM {rows} CROSS JOIN ticket \
     WHERE ticket.partition = rows.partition AND ticket.workspace = rows.workspace \
     AND ticket.ticket_id = rows.ticket_id";

const COUNT_TICKETS: &str = "INSERT INTO ticket_count ({columns}) SELECT {columns} FROM {rows} \
     WHERE true ON CONFLICT (partition, workspace) \
     DO UPDATE SET tickets = ticket_count.tickets + excluded.tickets RETURNING workspace, tickets";

const ADD_TICKETS: &str = "INSERT INTO ticket ({columns}) SELECT {columns} FROM {rows} WHERE true";

pub(super) async fn folded(
    txn: &DatabaseTransaction,
    lane: &Lane,
    folded: &Folded,
) -> Result<(), db::Error> {
    let numbers = tickets(txn, folded.tickets()).await?;
    packs::add(txn, blocks(lane, folded, &numbers)).await
}

/// The numbers of the batch's tickets, new ones drawn and written.
async fn tickets(
    txn: &DatabaseTransaction,
    tickets: &[(WorkspaceId, String)],
) -> Result<Vec<u32>, db::Error> {
    if tickets.is_empty() {
        return Ok(Vec::new());
    }
    let mut numbers = known(txn, tickets).await?;
    let mut new: HashMap<WorkspaceId, Vec<usize>> = HashMap::new();
    for (place, number) in numbers.iter().enumerate() {
        if number.is_none() {
            new.entry(tickets[place].0).or_default().push(place);
        }
    }
    if !new.is_empty() {
        draw(txn, tickets, &new, &mut numbers).await?;
    }
    Ok(numbers.into_iter().map(|number| number.expect("found above or drawn")).collect())
}

/// The numbers of tickets, in their order; `None` for one that has none.
pub(super) async fn known(
    db: &impl ConnectionTrait,
    tickets: &[(WorkspaceId, String)],
) -> Result<Vec<Option<u32>>, db::Error> {
    let rows = Rows::new()
        .int("partition", partitions(tickets.iter().map(|(workspace, _)| *workspace)))
        .int("place", (0i64..).take(tickets.len()).collect())
        .int("workspace", tickets.iter().map(|(workspace, _)| workspace.get()).collect())
        .text("ticket_id", tickets.iter().map(|(_, id)| id.clone()).collect());
    let (rows, sql) = pinned(rows, tickets.iter().map(|(workspace, _)| *workspace), FIND_TICKETS);
    let mut numbers: Vec<Option<u32>> = vec![None; tickets.len()];
    for find in rows.statements(db.get_database_backend(), &sql) {
        for row in db.query_all_raw(find).await? {
            let (place, number): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            let known = u32::try_from(number).ok();
            match (numbers.get_mut(place), known) {
                (Some(slot), Some(number)) => *slot = Some(number),
                _ => return Err(db::Error::corrupt("ticket", "number", number)),
            }
        }
    }
    Ok(numbers)
}

/// Draws the next numbers of each workspace for its new tickets and writes them down.
async fn draw(
    txn: &DatabaseTransaction,
    tickets: &[(WorkspaceId, String)],
    new: &HashMap<WorkspaceId, Vec<usize>>,
    numbers: &mut [Option<u32>],
) -> Result<(), db::Error> {
    let backend = txn.get_database_backend();
    let counts = Rows::new()
        .int("partition", partitions(new.keys().copied()))
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
            workspaces.push(*workspace);
            ids.push(tickets[place].1.clone());
            drawn.push(number);
        }
    }
    let rows = Rows::new()
        .int("partition", partitions(workspaces.iter().copied()))
        .int("workspace", workspaces.iter().map(|workspace| workspace.get()).collect())
        .text("ticket_id", ids)
        .int("number", drawn);
    for add in rows.statements(backend, ADD_TICKETS) {
        txn.execute_raw(add).await?;
    }
    Ok(())
}

/// What a batch adds to each place, its tickets by their numbers.
fn blocks(lane: &Lane, folded: &Folded, numbers: &[u32]) -> Vec<(Place, Block)> {
    let place = |cell: &CellDelta| {
        let &CellDelta { workspace, grain, level, start, .. } = cell;
        Place { workspace, generation: lane.generation(workspace), grain, level, start }
    };
    let cells = folded.cells(numbers);
    let runs = cells.chunk_by(|a, b| place(a) == place(b));
    let blocks = runs.filter_map(|cells| {
        let block = cells.iter().map(|cell| (folded.dimensions()[cell.dimensions], &cell.content));
        Some((place(cells.first()?), Block::of(folded.words(), block)))
    });
    blocks.collect()
}

/// A look-up in one partition says so itself, not by its rows: a database that is distributed by partition
/// then asks one of its nodes.
pub(super) fn pinned(
    rows: Rows,
    mut of: impl Iterator<Item = WorkspaceId>,
    sql: &str,
) -> (Rows, Cow<'_, str>) {
    let Some(partition) = of.next().map(WorkspaceId::partition) else { return (rows, sql.into()) };
    if of.all(|workspace| workspace.partition() == partition) {
        (rows.bind(partition.get()), sql.replace("= rows.partition", "= {0}").into())
    } else {
        (rows, sql.into())
    }
}

/// The partition of each of some workspaces, many times the same ones: it is a digest of its number.
pub(super) fn partitions(of: impl Iterator<Item = WorkspaceId>) -> Vec<i64> {
    let mut known = HashMap::new();
    let partition = |workspace: WorkspaceId| i64::from(workspace.partition().get());
    of.map(|workspace| *known.entry(workspace).or_insert_with(|| partition(workspace))).collect()
}
