//! Writing a batch's deltas: a handful of statements, however many events the batch held.
//!
//! Tables are joined to the rows with CROSS JOIN: SQLite takes that as "rows first", where it would
//! otherwise be free to walk the whole table. PostgreSQL plans it as any join.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use db::bulk::Rows;
use kernel::{Partition, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::block::Block;
use super::generations::Lane;
use super::known::Known;
use super::tiers::{self, Place};
use crate::digest::{Digest, digest};
use crate::domain::{CellDelta, Content, Deltas, Dimensions, TicketCounts};

/// Sets by workspace and name.
pub(super) type Named = Vec<(WorkspaceId, Digest, Arc<Dimensions>)>;

const ADD_SETS: &str = "INSERT INTO dimension_set ({columns}) SELECT {columns} FROM {rows} WHERE true \
     ON CONFLICT (partition, workspace, digest) DO NOTHING";

const FIND_TICKETS: &str = "SELECT rows.place, ticket.number FROM {rows} CROSS JOIN ticket \
     WHERE ticket.partition = {0} AND ticket.workspace = rows.workspace \
     AND ticket.ticket_id = rows.ticket_id";

const COUNT_TICKETS: &str = "INSERT INTO ticket_count ({columns}) SELECT {columns} FROM {rows} \
     WHERE true ON CONFLICT (partition, workspace) \
     DO UPDATE SET tickets = ticket_count.tickets + excluded.tickets RETURNING workspace, tickets";

const ADD_TICKETS: &str = "INSERT INTO ticket ({columns}) SELECT {columns} FROM {rows} WHERE true";

/// Answers the sets it wrote down, which are known once this is committed.
pub(super) async fn deltas(
    txn: &DatabaseTransaction,
    partition: Partition,
    lane: &Lane,
    known: &Known,
    deltas: Deltas,
) -> Result<Named, db::Error> {
    if deltas.is_empty() {
        return Ok(Named::new());
    }
    let Deltas { dimensions, tickets: ids, cells } = deltas;
    let (mut names, mut new) = (Vec::with_capacity(dimensions.len()), Named::new());
    for (workspace, set) in dimensions {
        let name = digest(&set);
        names.push(name);
        if known.get(workspace, &name).await.is_none() {
            new.push((workspace, name, Arc::new(set)));
        }
    }
    sets(txn, partition, &new).await?;
    let numbers = tickets(txn, partition, &ids).await?;
    tiers::add(txn, partition, blocks(lane, cells, &names, &numbers)).await?;
    Ok(new)
}

async fn sets(
    txn: &DatabaseTransaction,
    partition: Partition,
    sets: &Named,
) -> Result<(), db::Error> {
    if sets.is_empty() {
        return Ok(());
    }
    let text = |of: fn(&Dimensions) -> &str| {
        sets.iter().map(|(_, _, set)| of(set).to_owned()).collect::<Vec<_>>()
    };
    let ints =
        |of: fn(&Dimensions) -> Option<i64>| sets.iter().map(|(_, _, set)| of(set)).collect();
    let words =
        |of: fn(&Dimensions) -> Option<String>| sets.iter().map(|(_, _, set)| of(set)).collect();
    let rows = Rows::new()
        .int("partition", vec![partition.get().into(); sets.len()])
        .int("workspace", sets.iter().map(|(workspace, ..)| workspace.get()).collect())
        .bytes("digest", sets.iter().map(|(_, name, _)| name.to_vec()).collect())
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
        .opt_int("technical", ints(|set| set.technical.map(i64::from)))
        .opt_int("rate_micros_per_hour", ints(|set| set.rate.map(|rate| rate.micros_per_hour)))
        .opt_text("rate_currency", words(|set| set.rate.map(|rate| rate.currency.to_string())))
        .opt_text("cost_currency", words(|set| set.cost_currency.map(|code| code.to_string())));
    txn.execute_raw(rows.statement(txn.get_database_backend(), ADD_SETS)).await?;
    Ok(())
}

/// The numbers of the batch's tickets, new ones drawn and written.
async fn tickets(
    txn: &DatabaseTransaction,
    partition: Partition,
    tickets: &[(WorkspaceId, String)],
) -> Result<Vec<u32>, db::Error> {
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
        draw(txn, partition, tickets, &new, &mut numbers).await?;
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
    tickets: &[(WorkspaceId, String)],
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
            ids.push(tickets[place].1.clone());
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

/// What a batch adds to each place, the cells by their names and the tickets by their numbers.
fn blocks(
    lane: &Lane,
    cells: Vec<CellDelta>,
    names: &[Digest],
    numbers: &[u32],
) -> Vec<(Place, Block)> {
    let mut places: BTreeMap<Place, Vec<(Digest, Content)>> = BTreeMap::new();
    for cell in cells {
        let CellDelta { workspace, grain, level, start, .. } = cell;
        let generation = lane.generation(workspace);
        let place = Place { workspace, generation, grain, level, start };
        let counts = cell.tickets.into_iter().map(|(ticket, events)| (numbers[ticket], events));
        let content = Content {
            measures: cell.measures,
            tickets: counts.collect::<TicketCounts>(),
            durations: cell.durations,
            efforts: cell.efforts,
        };
        places.entry(place).or_default().push((names[cell.dimensions], content));
    }
    places.into_iter().map(|(place, cells)| (place, Block::of(cells))).collect()
}
