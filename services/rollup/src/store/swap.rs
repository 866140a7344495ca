//! The generations of a workspace: building one, and the moment it takes the place of the one before.

use futures_util::TryStreamExt as _;
use kernel::{Timestamp, WorkspaceId};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Order, Query, UpdateStatement};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, QueryResult, StreamTrait as _,
};

use super::block::{BadBlock, Block};
use super::{Claim, facts, read};
use crate::digest::{Seal, digest};
use crate::domain::{Grain, Level, RebuildState};

/// What is kept by generation.
const TABLES: [&str; 3] = ["cell_block", "corrected_step", "judgement"];

/// Which generation is read, and which is built.
#[derive(Debug, Clone, Copy)]
pub(super) struct Generation {
    pub(super) live: i64,
    pub(super) building: Option<i64>,
}

pub(super) async fn generation(
    db: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<Generation, db::Error> {
    let find = Query::select()
        .columns(["live", "building"])
        .from("generation")
        .and_where(Expr::col("partition").eq(workspace.partition().get()))
        .and_where(Expr::col("workspace").eq(workspace.get()))
        .to_owned();
    Ok(match db.query_one(&find).await? {
        Some(row) => {
            Generation { live: row.try_get("", "live")?, building: row.try_get("", "building")? }
        }
        None => Generation { live: 0, building: None },
    })
}

/// From the next batch on the consumer writes to `building` too, which is empty.
pub(super) async fn build(
    txn: &DatabaseTransaction,
    workspace: WorkspaceId,
    live: i64,
    building: i64,
) -> Result<(), db::Error> {
    // Another rebuild may have been killed before it had cleared up.
    clear(txn, workspace, Expr::col("generation").ne(live)).await?;
    let key = ["partition", "workspace"];
    let insert = Query::insert()
        .into_table("generation")
        .columns(["partition", "workspace", "live", "building"])
        .values_panic([
            workspace.partition().get().into(),
            workspace.get().into(),
            live.into(),
            building.into(),
        ])
        .on_conflict(OnConflict::columns(key).update_columns(["live", "building"]).to_owned())
        .to_owned();
    txn.execute(&insert).await?;
    Ok(())
}

/// The row of a claim, if it is still this replica's.
pub(super) fn mine(claim: &Claim) -> UpdateStatement {
    let workspace = claim.rebuild.workspace;
    Query::update()
        .table("rebuild")
        .and_where(Expr::col("partition").eq(workspace.partition().get()))
        .and_where(Expr::col("workspace").eq(workspace.get()))
        .and_where(Expr::col("rebuild_id").eq(claim.rebuild.id))
        .and_where(Expr::col("state").eq(RebuildState::Running.as_str()))
        .and_where(Expr::col("holder").eq(claim.holder))
        .to_owned()
}

/// The seals of the generation that is read and of the one that is built.
#[derive(Debug)]
pub(crate) struct Seals {
    pub(super) before: String,
    pub(super) after: String,
}

/// Ends a rebuild: the one with seals is read from here on. Answers the generation that is of no use now.
pub(super) async fn end(
    txn: &DatabaseTransaction,
    claim: &Claim,
    seals: Option<Seals>,
    at: Timestamp,
) -> Result<i64, tail::Error> {
    let workspace = claim.rebuild.workspace;
    let partition = workspace.partition();
    facts::hold(txn, partition).await?;
    let Generation { live, building } = generation(txn, workspace).await?;
    let built = building.ok_or(tail::Error::Fenced(partition))?;
    let mut settle = mine(claim);
    settle.value("end_time", at.micros());
    let (kept, gone) = match seals {
        Some(Seals { before, after }) => {
            settle
                .value("state", RebuildState::Succeeded.as_str())
                .value("digest_before", before)
                .value("digest_after", after)
                .and_where(Expr::col("seq").eq(claim.rebuild.until));
            (built, live)
        }
        None => {
            settle.value("state", RebuildState::Failed.as_str());
            (live, built)
        }
    };
    if txn.execute(&settle).await?.rows_affected() != 1 {
        return Err(tail::Error::Fenced(partition));
    }
    let swap = Query::update()
        .table("generation")
        .value("live", kept)
        .value("building", None::<i64>)
        .and_where(Expr::col("partition").eq(partition.get()))
        .and_where(Expr::col("workspace").eq(workspace.get()))
        .to_owned();
    txn.execute(&swap).await?;
    Ok(gone)
}

/// Drops what one generation holds.
pub(super) async fn drop_one(
    txn: &DatabaseTransaction,
    workspace: WorkspaceId,
    generation: i64,
) -> Result<(), db::Error> {
    // Only this one: the next rebuild may have begun.
    clear(txn, workspace, Expr::col("generation").eq(generation)).await
}

async fn clear(
    txn: &DatabaseTransaction,
    workspace: WorkspaceId,
    which: Expr,
) -> Result<(), db::Error> {
    for table in TABLES {
        let clear = Query::delete()
            .from_table(table)
            .and_where(Expr::col("partition").eq(workspace.partition().get()))
            .and_where(Expr::col("workspace").eq(workspace.get()))
            .and_where(which.clone())
            .to_owned();
        txn.execute(&clear).await?;
    }
    Ok(())
}

/// Seals both generations in one statement, hence at one position, and holds nobody up meanwhile.
pub(super) async fn seals(
    db: &DatabaseConnection,
    workspace: WorkspaceId,
) -> Result<Seals, tail::Error> {
    let Generation { live, building } = generation(db, workspace).await?;
    let built = building.ok_or(tail::Error::Fenced(workspace.partition()))?;
    let mut blocks = Query::select();
    blocks
        .columns(["generation", "grain", "level", "start_time", "cells", "counts"])
        .from("cell_block")
        .and_where(Expr::col("partition").eq(workspace.partition().get()))
        .and_where(Expr::col("workspace").eq(workspace.get()))
        .and_where(Expr::col("generation").is_in([live, built]));
    for column in ["generation", "grain", "level", "start_time", "tier"] {
        blocks.order_by(column, Order::Asc);
    }
    let mut rows = db.stream_raw(db.get_database_backend().build(&blocks)).await?;
    let (mut before, mut after) = (Seal::default(), Seal::default());
    let mut gathered: Option<(i64, Place, Block)> = None;
    loop {
        let row = rows.try_next().await?;
        let next = row.as_ref().map(of_generation).transpose()?;
        gathered = match (gathered, next) {
            (None, None) => break,
            (None, next) => next,
            // The tiers of a place follow one another.
            (Some((generation, place, block)), Some(next))
                if (generation, place) == (next.0, next.1) =>
            {
                Some((generation, place, block.merge(&next.2).map_err(damaged)?))
            }
            (Some((generation, place, block)), next) => {
                let seal = if generation == live { &mut before } else { &mut after };
                add(seal, place, &block).map_err(damaged)?;
                next
            }
        };
    }
    Ok(Seals { before: before.finish(), after: after.finish() })
}

type Place = (Grain, Level, Timestamp);

fn of_generation(row: &QueryResult) -> Result<(i64, Place, Block), db::Error> {
    let (cells, counts) = (row.try_get("", "cells")?, row.try_get("", "counts")?);
    let block = Block { cells, counts, signed: false };
    Ok((row.try_get("", "generation")?, read::place(row)?, block))
}

fn add(seal: &mut Seal, place: Place, block: &Block) -> Result<(), BadBlock> {
    let mut named: Vec<_> = block
        .contents()?
        .into_iter()
        .map(|(dimensions, content)| (digest(&dimensions), content))
        .collect();
    named.sort_unstable_by_key(|(name, _)| *name);
    for (name, content) in named {
        seal.cell(place, &name, &content);
    }
    Ok(())
}

fn damaged(_: BadBlock) -> db::Error {
    read::corrupt()
}
