//! Adding blocks to what is there: a place has a row for each size of block, and a block that has become
//! too large for its row moves on to that of the next size.
//!
//! A logarithmic merge: rewriting a day of a busy workspace for every batch would cost more the longer the
//! day gets. This way a byte is written again in a size only as often as the row below it moves up:
//! as many times as sizes grow by, at most.

use db::bulk::Rows;
use kernel::{Timestamp, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::block::{BadBlock, Block};
use super::write::{partitions, pinned};
use crate::domain::{Grain, Level};

/// How the rows of a place grow.
struct Sizes {
    /// Bytes that fit into the first row.
    first: usize,
    /// How many times as many fit into the next.
    growth: usize,
}

impl Sizes {
    /// Totals are short and asked for all the time, and a row costs a reader more than the bytes in it: of
    /// those there are fewer and larger ones. Together with the weeks this made a backlog 4 % slower.
    const fn of(grain: Grain) -> Self {
        match grain {
            Grain::Total => Self { first: 8 * 1024, growth: 64 },
            Grain::Work | Grain::Full => Self { first: 4 * 1024, growth: 8 },
        }
    }

    /// The row that so many bytes belong into.
    fn tier(&self, bytes: usize) -> i16 {
        let (mut tier, mut fits) = (0, self.first);
        while bytes > fits {
            (tier, fits) = (tier + 1, fits.saturating_mul(self.growth));
        }
        tier
    }
}

const FIND: &str = "SELECT rows.place, block.cells, block.counts, block.signed \
     FROM {rows} CROSS JOIN cell_block AS block \
     WHERE block.partition = rows.partition AND block.workspace = rows.workspace \
     AND block.generation = rows.generation AND block.grain = rows.grain \
     AND block.level = rows.level AND block.start_time = rows.start_time \
     AND block.tier = rows.tier";

const PUT: &str = "INSERT INTO cell_block ({columns}) SELECT {columns} FROM {rows} WHERE true \
     ON CONFLICT (partition, workspace, generation, grain, level, start_time, tier) DO UPDATE SET \
     cells = excluded.cells, counts = excluded.counts, signed = excluded.signed";

const EMPTY: &str = "DELETE FROM cell_block \
     WHERE (partition, workspace, generation, grain, level, start_time, tier) IN (\
     SELECT rows.partition, rows.workspace, rows.generation, rows.grain, rows.level, rows.start_time, rows.tier \
     FROM {rows})";

/// Where cells lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) workspace: WorkspaceId,
    pub(super) generation: i64,
    pub(super) grain: Grain,
    pub(super) level: Level,
    pub(super) start: Timestamp,
}

/// A block and the row it belongs into.
struct Filed {
    place: Place,
    tier: i16,
    block: Block,
}

impl Filed {
    fn new(place: Place, block: Block) -> Self {
        Self { place, tier: tier(place, &block), block }
    }
}

/// Adds a block to each of some places.
pub(super) async fn add(
    txn: &DatabaseTransaction,
    blocks: Vec<(Place, Block)>,
) -> Result<(), db::Error> {
    let blocks = blocks.into_iter().filter(|(_, block)| !block.is_empty());
    let mut moving: Vec<Filed> = blocks.map(|(place, block)| Filed::new(place, block)).collect();
    let (mut settled, mut left) = (Vec::new(), Vec::new());
    while !moving.is_empty() {
        let found = find(txn, &moving).await?;
        let mut next = Vec::new();
        for (filed, found) in moving.into_iter().zip(found) {
            let Some(found) = found else {
                settled.push(filed);
                continue;
            };
            let merged = filed.block.merge(&found).map_err(|BadBlock| corrupt(filed.place))?;
            if merged.is_empty() {
                left.push((filed.place, filed.tier));
            } else if tier(filed.place, &merged) > filed.tier {
                left.push((filed.place, filed.tier));
                next.push(Filed::new(filed.place, merged));
            } else {
                // A smaller one stays as well: going back would only make it move again.
                settled.push(Filed { block: merged, ..filed });
            }
        }
        moving = next;
    }
    empty(txn, &left).await?;
    put(txn, settled).await
}

/// The row that a block of this place belongs into.
fn tier(place: Place, block: &Block) -> i16 {
    Sizes::of(place.grain).tier(block.len())
}

fn corrupt(place: Place) -> db::Error {
    db::Error::corrupt("cell_block", "cells", place.start)
}

async fn find(txn: &DatabaseTransaction, filed: &[Filed]) -> Result<Vec<Option<Block>>, db::Error> {
    let rows = keys(filed.iter().map(|filed| (filed.place, filed.tier)))
        .int("place", (0i64..).take(filed.len()).collect());
    let (rows, sql) = pinned(rows, filed.iter().map(|filed| filed.place.workspace), FIND);
    let mut found: Vec<Option<Block>> = filed.iter().map(|_| None).collect();
    for row in txn.query_all_raw(rows.statement(txn.get_database_backend(), &sql)).await? {
        let place: i64 = row.try_get("", "place")?;
        let slot = usize::try_from(place).ok().and_then(|place| found.get_mut(place));
        let block = Block {
            cells: row.try_get("", "cells")?,
            counts: row.try_get("", "counts")?,
            signed: row.try_get::<i16>("", "signed")? != 0,
        };
        *slot.ok_or_else(|| db::Error::corrupt("cell_block", "place", place))? = Some(block);
    }
    Ok(found)
}

async fn empty(txn: &DatabaseTransaction, left: &[(Place, i16)]) -> Result<(), db::Error> {
    if left.is_empty() {
        return Ok(());
    }
    let rows = keys(left.iter().copied());
    txn.execute_raw(rows.statement(txn.get_database_backend(), EMPTY)).await?;
    Ok(())
}

async fn put(txn: &DatabaseTransaction, settled: Vec<Filed>) -> Result<(), db::Error> {
    if settled.is_empty() {
        return Ok(());
    }
    let rows = keys(settled.iter().map(|filed| (filed.place, filed.tier)))
        .int("signed", settled.iter().map(|filed| filed.block.signed.into()).collect());
    let (mut cells, mut counts) = (Vec::new(), Vec::new());
    for filed in settled {
        cells.push(filed.block.cells);
        counts.push(filed.block.counts);
    }
    let rows = rows.bytes("cells", cells).bytes("counts", counts);
    txn.execute_raw(rows.statement(txn.get_database_backend(), PUT)).await?;
    Ok(())
}

fn keys(of: impl Iterator<Item = (Place, i16)> + Clone) -> Rows {
    let column = |value: fn((Place, i16)) -> i64| of.clone().map(value).collect::<Vec<_>>();
    Rows::new()
        .int("partition", partitions(of.clone().map(|(place, _)| place.workspace)))
        .int("workspace", column(|(place, _)| place.workspace.get()))
        .int("generation", column(|(place, _)| place.generation))
        .int("grain", column(|(place, _)| place.grain.number().into()))
        .int("level", column(|(place, _)| place.level.number().into()))
        .int("start_time", column(|(place, _)| place.start.micros()))
        .int("tier", column(|(_, tier)| tier.into()))
}
