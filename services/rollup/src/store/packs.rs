//! What the latest batches have added, a row for each batch of a workspace, until it is filed.
//!
//! A batch of three events adds to eight places, each a row on a page of its own: rewriting 4 MiB of them for
//! 350 events was most of what an event waited for. A pack is one small row behind the last one; every
//! sixteenth batch of a workspace files what has gathered, of each workspace another one.

use std::collections::BTreeMap;

use db::bulk::Rows;
use kernel::{Timestamp, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};

use super::block::{BadBlock, Block};
use super::tiers::{self, Place};
use super::write::{partitions, pinned};
use crate::domain::{Grain, Level, varint};

/// Packs of a generation of a workspace at most: whoever reads reads all of them.
const PACKS: i64 = 16;
/// What is longer than this is filed at once, bytes: it would be written twice for nothing.
const BYTES: usize = 4 * 1024;

const LAST: &str = "SELECT rows.place, max(pack.number) AS last FROM {rows} \
     CROSS JOIN cell_pack AS pack WHERE pack.partition = rows.partition \
     AND pack.workspace = rows.workspace AND pack.generation = rows.generation GROUP BY rows.place";

const FIND: &str = "SELECT rows.place, pack.blocks FROM {rows} CROSS JOIN cell_pack AS pack \
     WHERE pack.partition = rows.partition AND pack.workspace = rows.workspace \
     AND pack.generation = rows.generation";

const EMPTY: &str = "DELETE FROM cell_pack WHERE (partition, workspace, generation) IN (\
     SELECT rows.partition, rows.workspace, rows.generation FROM {rows})";

const PUT: &str = "INSERT INTO cell_pack ({columns}) SELECT {columns} FROM {rows} WHERE true";

/// Where a block lies among those of a generation.
pub(super) type Within = (Grain, Level, Timestamp);

/// Whose packs they are.
type Owner = (WorkspaceId, i64);

/// Adds a block to each of some places: now, or with the packs it goes to.
pub(super) async fn add(
    txn: &DatabaseTransaction,
    blocks: Vec<(Place, Block)>,
) -> Result<(), db::Error> {
    let mut added: BTreeMap<Owner, Vec<(Place, Block)>> = BTreeMap::new();
    for (place, block) in blocks {
        if !block.is_empty() {
            added.entry((place.workspace, place.generation)).or_default().push((place, block));
        }
    }
    let owners: Vec<Owner> = added.keys().copied().collect();
    let last = last(txn, &owners).await?;
    let (mut filed, mut full, mut put) = (BTreeMap::new(), Vec::new(), Vec::new());
    for ((owner, blocks), last) in added.into_iter().zip(last) {
        let next = last.map_or(0, |last| last + 1);
        // Whether a ticket is still there is told by what is filed alone.
        let signed = blocks.iter().any(|(_, block)| block.signed);
        let bytes: usize = blocks.iter().map(|(_, block)| block.len()).sum();
        if signed || bytes > BYTES {
            filed.extend(blocks);
            continue;
        }
        // All of them at once would be one slow commit in sixteen.
        if next % PACKS == owner.0.get() % PACKS {
            full.push(owner);
        }
        put.push((owner, next, pack(&blocks)));
    }
    if !full.is_empty() {
        for (owner, pack) in find(txn, &full).await? {
            file(&mut filed, owner, &pack)?;
        }
        txn.execute_raw(keys(&full).statement(txn.get_database_backend(), EMPTY)).await?;
    }
    if !put.is_empty() {
        let owners: Vec<Owner> = put.iter().map(|(owner, ..)| *owner).collect();
        let rows = keys(&owners)
            .int("number", put.iter().map(|(_, number, _)| *number).collect())
            .bytes("blocks", put.into_iter().map(|(.., pack)| pack).collect());
        txn.execute_raw(rows.statement(txn.get_database_backend(), PUT)).await?;
    }
    tiers::add(txn, filed.into_iter().collect()).await
}

/// The number of the last pack of each; `None` where there is none.
async fn last(txn: &DatabaseTransaction, owners: &[Owner]) -> Result<Vec<Option<i64>>, db::Error> {
    let mut last = vec![None; owners.len()];
    for row in txn.query_all_raw(look_up(txn, owners, LAST)).await? {
        let (place, number): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let slot = usize::try_from(place).ok().and_then(|place| last.get_mut(place));
        *slot.ok_or_else(|| db::Error::corrupt("cell_pack", "number", number))? = Some(number);
    }
    Ok(last)
}

/// The packs of some generations of a workspace, and of which each is.
pub(super) async fn of(
    db: &impl ConnectionTrait,
    workspace: WorkspaceId,
    generations: &[i64],
) -> Result<Vec<(i64, Vec<u8>)>, db::Error> {
    let owners: Vec<Owner> =
        generations.iter().map(|&generation| (workspace, generation)).collect();
    let found = find(db, &owners).await?.into_iter();
    Ok(found.map(|((_, generation), pack)| (generation, pack)).collect())
}

async fn find(
    db: &impl ConnectionTrait,
    owners: &[Owner],
) -> Result<Vec<(Owner, Vec<u8>)>, db::Error> {
    let found = db.query_all_raw(look_up(db, owners, FIND)).await?;
    let read = |row: sea_orm::QueryResult| {
        let (place, pack): (i64, Vec<u8>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let owner = usize::try_from(place).ok().and_then(|place| owners.get(place));
        Ok((*owner.ok_or_else(|| db::Error::corrupt("cell_pack", "place", place))?, pack))
    };
    found.into_iter().map(read).collect()
}

fn file(
    filed: &mut BTreeMap<Place, Block>,
    (workspace, generation): Owner,
    pack: &[u8],
) -> Result<(), db::Error> {
    for ((grain, level, start), block) in unpack(pack).map_err(|_| corrupt(workspace))? {
        let place = Place { workspace, generation, grain, level, start };
        let known = filed.entry(place).or_default();
        *known = if known.is_empty() {
            block
        } else {
            known.merge(&block).map_err(|_| corrupt(workspace))?
        };
    }
    Ok(())
}

fn look_up(db: &impl ConnectionTrait, owners: &[Owner], sql: &str) -> Statement {
    let rows = keys(owners).int("place", (0i64..).take(owners.len()).collect());
    let (rows, sql) = pinned(rows, owners.iter().map(|(workspace, _)| *workspace), sql);
    rows.statement(db.get_database_backend(), &sql)
}

fn keys(owners: &[Owner]) -> Rows {
    Rows::new()
        .int("partition", partitions(owners.iter().map(|(workspace, _)| *workspace)))
        .int("workspace", owners.iter().map(|(workspace, _)| workspace.get()).collect())
        .int("generation", owners.iter().map(|(_, generation)| *generation).collect())
}

pub(super) fn corrupt(workspace: WorkspaceId) -> db::Error {
    db::Error::corrupt("cell_pack", "blocks", workspace)
}

/// Of each block: grain, level, start, and its two columns with their lengths.
fn pack(blocks: &[(Place, Block)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (place, block) in blocks {
        varint::put_signed(&mut bytes, place.grain.number().into());
        varint::put_signed(&mut bytes, place.level.number().into());
        varint::put_signed(&mut bytes, place.start.micros());
        for column in [&block.cells, &block.counts] {
            varint::put(&mut bytes, column.len() as u64);
            bytes.extend_from_slice(column);
        }
    }
    bytes
}

/// The blocks of a pack, one for a place.
pub(super) fn unpack(mut bytes: &[u8]) -> Result<Vec<(Within, Block)>, BadBlock> {
    let mut blocks = Vec::new();
    while !bytes.is_empty() {
        let within = within(&mut bytes).ok_or(BadBlock)?;
        let cells = column(&mut bytes).ok_or(BadBlock)?;
        let counts = column(&mut bytes).ok_or(BadBlock)?;
        blocks.push((within, Block { cells, counts, signed: false }));
    }
    Ok(blocks)
}

fn within(bytes: &mut &[u8]) -> Option<Within> {
    let grain = varint::take_signed(bytes)?;
    let level = varint::take_signed(bytes)?;
    let start = varint::take_signed(bytes)?;
    let grain = Grain::ALL.into_iter().find(|known| i64::from(known.number()) == grain)?;
    let level = Level::ALL.into_iter().find(|known| i64::from(known.number()) == level)?;
    Some((grain, level, Timestamp::from_micros(start)))
}

fn column(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(varint::take(bytes)?).ok()?;
    let (column, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(column.to_vec())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::samples::workspace;
    use proptest::prelude::*;

    prop_compose! {
        fn any_block()(
            grain in 0..Grain::ALL.len(),
            level in 0..Level::ALL.len(),
            start in any::<i64>(),
            cells in prop::collection::vec(any::<u8>(), 0..200),
            counts in prop::collection::vec(any::<u8>(), 0..20),
        ) -> (Place, Block) {
            let (grain, level) = (Grain::ALL[grain], Level::ALL[level]);
            let start = Timestamp::from_micros(start);
            let place = Place { workspace: workspace(), generation: 0, grain, level, start };
            (place, Block { cells, counts, signed: false })
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(blocks in prop::collection::vec(any_block(), 0..9)) {
            let unpacked = unpack(&pack(&blocks)).unwrap();
            prop_assert_eq!(unpacked.len(), blocks.len());
            for ((within, block), (place, packed)) in unpacked.iter().zip(&blocks) {
                prop_assert_eq!(*within, (place.grain, place.level, place.start));
                prop_assert_eq!((&block.cells, &block.counts), (&packed.cells, &packed.counts));
            }
        }

        #[test]
        fn bytes_that_are_no_pack_are_refused_and_not_guessed_at(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let _ = unpack(&bytes);
            let whole = pack(&[(
                Place {
                    workspace: workspace(),
                    generation: 0,
                    grain: Grain::Full,
                    level: Level::Day,
                    start: Timestamp::EPOCH,
                },
                Block { cells: bytes, counts: Vec::new(), signed: false },
            )]);
            prop_assert!(unpack(&whole[..whole.len() - 1]).is_err());
        }
    }
}
