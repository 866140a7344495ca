//! The generations of a workspace: building one, and the moment it takes the place of the one before.

use std::collections::BTreeMap;

use db::Db;
use futures_util::TryStreamExt as _;
use kernel::{Timestamp, WorkspaceId};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Order, Query, UpdateStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, StreamTrait as _};

use super::block::{BadBlock, Block};
use super::packs::{self, Within, unpack};
use super::{Claim, facts, read};
use crate::digest::{Ordered, Seal, digest};
use crate::domain::{Grain, Level, RebuildState};

/// What is kept by generation.
const TABLES: [&str; 4] = ["cell_block", "cell_pack", "corrected_step", "judgement"];

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

/// Seals both generations at one moment, hence at one position, and holds nobody up meanwhile.
pub(super) async fn seals(db: &Db, workspace: WorkspaceId) -> Result<Seals, tail::Error> {
    let txn = db.snapshot().await?;
    let Generation { live, building } = generation(&txn, workspace).await?;
    let built = building.ok_or(tail::Error::Fenced(workspace.partition()))?;
    let mut unfiled = BTreeMap::new();
    for (generation, pack) in packs::of(&txn, workspace, &[live, built]).await? {
        let blocks = unpack(&pack).map_err(|BadBlock| packs::corrupt(workspace))?;
        for (within, block) in blocks {
            let known: &mut Block = unfiled.entry((generation, Ordered::of(within))).or_default();
            *known = known.merge(&block).map_err(damaged)?;
        }
    }
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
    let mut rows = txn.stream_raw(db.backend().build(&blocks)).await?;
    let (mut before, mut after) = (Seal::default(), Seal::default());
    let mut seal = |(generation, place): At, block: Block| {
        let seal = if generation == live { &mut before } else { &mut after };
        add(seal, place.within, &block).map_err(damaged)
    };
    let mut gathered: Option<(At, Block)> = None;
    while let Some(row) = rows.try_next().await? {
        let (at, block) = of_generation(&row)?;
        gathered = Some(match gathered {
            // The tiers of a place follow one another.
            Some((known, gathered)) if known == at => {
                (at, gathered.merge(&block).map_err(damaged)?)
            }
            gathered => {
                if let Some((known, block)) = gathered {
                    seal(known, block)?;
                }
                // What is in packs only has its turn among them.
                while let Some(first) = unfiled.first_entry()
                    && *first.key() < at
                {
                    let (known, block) = first.remove_entry();
                    seal(known, block)?;
                }
                match unfiled.remove(&at) {
                    Some(unfiled) => (at, unfiled.merge(&block).map_err(damaged)?),
                    None => (at, block),
                }
            }
        });
    }
    for (at, block) in gathered.into_iter().chain(unfiled) {
        seal(at, block)?;
    }
    Ok(Seals { before: before.finish(), after: after.finish() })
}

/// A place of a generation, in the order in which rows are read.
type At = (i64, Ordered);

fn of_generation(row: &QueryResult) -> Result<(At, Block), db::Error> {
    let (cells, counts) = (row.try_get("", "cells")?, row.try_get("", "counts")?);
    let block = Block { cells, counts, signed: false };
    Ok(((row.try_get("", "generation")?, Ordered::of(place(row)?)), block))
}

/// Where a block lies within its generation.
fn place(row: &QueryResult) -> Result<Within, db::Error> {
    let number = |column| -> Result<i16, DbErr> { row.try_get("", column) };
    let (grain, level) = (number("grain")?, number("level")?);
    let corrupt = |column, number| db::Error::corrupt("cell_block", column, number);
    let known = Grain::ALL.into_iter().find(|known| known.number() == grain);
    let grain = known.ok_or_else(|| corrupt("grain", grain))?;
    let known = Level::ALL.into_iter().find(|known| known.number() == level);
    let level = known.ok_or_else(|| corrupt("level", level))?;
    Ok((grain, level, Timestamp::from_micros(row.try_get("", "start_time")?)))
}

fn add(seal: &mut Seal, within: Within, block: &Block) -> Result<(), BadBlock> {
    let mut named: Vec<_> = block
        .contents()?
        .into_iter()
        .map(|(dimensions, content)| (digest(&dimensions), content))
        .collect();
    named.sort_unstable_by_key(|(name, _)| *name);
    for (name, content) in named {
        seal.cell(within, &name, &content);
    }
    Ok(())
}

fn damaged(_: BadBlock) -> db::Error {
    read::corrupt()
}
