//! Reading windows: one statement, so that cells and position are of one moment on both databases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use db::bulk::Rows;
use foldhash::HashMap;
use futures_util::TryStreamExt as _;
use kernel::{Position, Timestamp, WorkspaceId};
use sea_orm::{DbBackend, QueryResult, Statement, StreamTrait as _};

use super::block::{BadBlock, Block, Entries, Entry};
use super::packs::{self, Within, unpack};
use super::{Held, Reading, SqlStore};
use crate::domain::{
    AlignedWindow, Cell, Content, DurationSums, Efforts, Grain, Key, Measures, Span, TicketSet,
    Words,
};

/// A row that says the position, the blocks by what they were wanted for, and what is not filed yet. Counts
/// are read for places where something was taken back and is not merged yet: without them nobody can tell
/// whether a ticket is there.
///
/// Each row repeats the workspace. Bound once, PostgreSQL thinks it so rare that it reads all its blocks and
/// filters them by the rows: 7 ms of an overview of two million events.
const READ: &str = "SELECT NULL AS wanted, tail_partition.seq AS at, NULL AS cells, NULL AS counts \
     FROM tail_partition WHERE tail_partition.partition = {0} \
     UNION ALL SELECT rows.wanted, block.start_time, block.cells, \
     CASE WHEN {1} = 1 OR EXISTS (SELECT 1 FROM cell_block AS other \
     WHERE other.partition = block.partition AND other.workspace = block.workspace \
     AND other.generation = block.generation AND other.grain = block.grain \
     AND other.level = block.level AND other.start_time = block.start_time \
     AND other.signed = 1) THEN block.counts END \
     FROM {rows} CROSS JOIN cell_block AS block \
     WHERE block.partition = {0} AND block.workspace = rows.workspace AND block.generation = COALESCE((\
     SELECT generation.live FROM generation \
     WHERE generation.partition = {0} AND generation.workspace = rows.workspace), 0) \
     AND block.grain = rows.grain AND block.level = rows.level \
     AND block.start_time >= rows.from_time AND block.start_time < rows.to_time \
     UNION ALL SELECT NULL, NULL, pack.blocks, NULL FROM cell_pack AS pack \
     WHERE pack.partition = {0} AND pack.workspace = {2} AND pack.generation = COALESCE((\
     SELECT generation.live FROM generation \
     WHERE generation.partition = {0} AND generation.workspace = {2}), 0)";

/// What is to be read.
struct Wanted {
    bucket: usize,
    grain: Grain,
    span: Span,
}

impl Wanted {
    fn holds(&self, (grain, level, start): Within) -> bool {
        (self.grain, self.span.level) == (grain, level) && self.span.window.contains(start)
    }
}

/// Whether the counts of tickets are wanted where nothing was taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    AsNeeded,
    All,
}

/// A block that was found.
struct Found {
    bucket: usize,
    place: Within,
    cells: Vec<u8>,
    counts: Option<Vec<u8>>,
}

/// The cells of some windows, each with the number of its window; summed over it by dimension set.
pub(super) async fn windows(
    store: &SqlStore,
    workspace: WorkspaceId,
    grain: Grain,
    windows: &[AlignedWindow],
) -> Result<Reading<(usize, Cell)>, db::Error> {
    let of = |(bucket, window): (usize, &AlignedWindow)| {
        window.cover(grain).into_iter().map(move |span| Wanted { bucket, grain, span })
    };
    let wanted: Vec<Wanted> = windows.iter().enumerate().flat_map(of).collect();
    let mut sums = Totals::default();
    let mut apart = BTreeMap::new();
    let as_of = read(store, workspace, &wanted, Counts::AsNeeded, |found| match found.counts {
        Some(counts) => keep(&mut apart, (found.bucket, found.place), found.cells, counts),
        None => sums.add(found.bucket, &found.cells, None),
    })
    .await?;
    for ((bucket, _), block) in apart {
        sums.add(bucket, &block.cells, Some(&block.counts)).map_err(|BadBlock| corrupt())?;
    }
    let cells = sums.cells().map_err(|BadBlock| corrupt())?;
    Ok(Reading { as_of, cells })
}

/// What windows come to, by dimensions.
#[derive(Default)]
struct Totals {
    /// Of all blocks that were read.
    words: Words,
    sums: HashMap<(usize, Key), Sum>,
}

impl Totals {
    /// Adds a block; its counts, if there is something to take away.
    fn add(&mut self, bucket: usize, cells: &[u8], counts: Option<&[u8]>) -> Result<(), BadBlock> {
        let (words, entries) = Entries::read(cells, counts)?;
        let mut translation = words.translation();
        for entry in entries {
            let entry = entry?;
            let key = translation.key(entry.key, &mut self.words).ok_or(BadBlock)?;
            let sum = self.sums.entry((bucket, key)).or_default();
            match counts {
                Some(_) => sum.add(&entry.content()?)?,
                None => sum.take_in(&entry)?,
            }
        }
        Ok(())
    }

    fn cells(self) -> Result<Vec<(usize, Cell)>, BadBlock> {
        let mut cells = Vec::with_capacity(self.sums.len());
        for ((bucket, key), sum) in self.sums {
            let Sum { measures, tickets, durations: sketch, efforts } = sum;
            // Full cells have no sketch: they keep each as it was.
            let mut durations = efforts.durations();
            durations.merge(&sketch.finish());
            let dimensions = Arc::new(key.dimensions(&self.words).ok_or(BadBlock)?);
            let cell = Cell { dimensions, measures, tickets, durations, efforts };
            if !cell.is_empty() {
                cells.push((bucket, cell));
            }
        }
        Ok(cells)
    }
}

/// What the cells of a window and a dimension set come to.
#[derive(Default)]
struct Sum {
    measures: Measures,
    tickets: TicketSet,
    durations: DurationSums,
    efforts: Efforts,
}

impl Sum {
    fn take_in(&mut self, entry: &Entry<'_>) -> Result<(), BadBlock> {
        let sums = entry.sums()?;
        self.measures += sums.measures;
        sums.add_durations(&mut self.durations)?;
        self.efforts.merge(&sums.efforts()?);
        sums.see(&mut self.tickets)
    }

    fn add(&mut self, content: &Content) -> Result<(), BadBlock> {
        self.measures += content.measures;
        self.durations.merge(&content.durations).map_err(|_| BadBlock)?;
        self.efforts.merge(&content.efforts);
        self.tickets.merge(&content.tickets.seen());
        Ok(())
    }
}

/// Every cell that begins in a window, one by one: of all grains and levels alike.
pub(super) async fn every(
    store: &SqlStore,
    workspace: WorkspaceId,
    window: &AlignedWindow,
) -> Result<Reading<Held>, db::Error> {
    let of = |grain: Grain| {
        let spans = grain.levels().iter().map(|&level| Span { level, window: window.window() });
        spans.map(move |span| Wanted { bucket: 0, grain, span })
    };
    let wanted: Vec<Wanted> = Grain::ALL.into_iter().flat_map(of).collect();
    let mut blocks = BTreeMap::new();
    let as_of = read(store, workspace, &wanted, Counts::All, |found| {
        keep(&mut blocks, found.place, found.cells, found.counts.unwrap_or_default())
    })
    .await?;
    let mut cells = Vec::new();
    for ((grain, level, start), block) in blocks {
        for (dimensions, content) in block.contents().map_err(|BadBlock| corrupt())? {
            let dimensions = Arc::new(dimensions);
            cells.push(Held { grain, level, start, dimensions, content });
        }
    }
    Ok(Reading { as_of, cells })
}

/// Merges a block with what is kept of its place.
fn keep<P: Ord>(
    blocks: &mut BTreeMap<P, Block>,
    place: P,
    cells: Vec<u8>,
    counts: Vec<u8>,
) -> Result<(), BadBlock> {
    let block = Block { cells, counts, signed: false };
    let kept = blocks.entry(place).or_default();
    *kept = if kept.is_empty() { block } else { kept.merge(&block)? };
    Ok(())
}

/// Hands over block by block, so that no more than one of them is in memory unless it is kept; answers the
/// position they are of.
async fn read(
    store: &SqlStore,
    workspace: WorkspaceId,
    wanted: &[Wanted],
    wants: Counts,
    mut take: impl FnMut(Found) -> Result<(), BadBlock>,
) -> Result<Position, db::Error> {
    let (db, partition) = (store.db.reader(), workspace.partition());
    let statement = statement(db.get_database_backend(), workspace, wanted, wants);
    let mut rows = db.stream_raw(statement).await?;
    let (mut seq, mut packs, mut with_counts) = (0, Vec::new(), BTreeSet::new());
    while let Some(row) = rows.try_next().await? {
        match said(&row, wanted)? {
            Said::Position(at) => seq = at,
            Said::Pack(pack) => packs.push(pack),
            Said::Block(found) => {
                if found.counts.is_some() {
                    with_counts.insert(found.place);
                }
                take(found).map_err(|BadBlock| corrupt())?;
            }
        }
    }
    // At last: what is filed tells whether the counts of a place are wanted.
    for pack in packs {
        for (place, Block { cells, counts, .. }) in
            unpack(&pack).map_err(|BadBlock| packs::corrupt(workspace))?
        {
            let wants_counts = wants == Counts::All || with_counts.contains(&place);
            for bucket in
                wanted.iter().filter(|wanted| wanted.holds(place)).map(|wanted| wanted.bucket)
            {
                let counts = wants_counts.then(|| counts.clone());
                take(Found { bucket, place, cells: cells.clone(), counts })
                    .map_err(|BadBlock| packs::corrupt(workspace))?;
            }
        }
    }
    Ok(Position { partition, seq })
}

fn statement(
    backend: DbBackend,
    workspace: WorkspaceId,
    wanted: &[Wanted],
    wants: Counts,
) -> Statement {
    let column = |of: fn(&Wanted) -> i64| wanted.iter().map(of).collect::<Vec<_>>();
    Rows::new()
        .int("wanted", (0i64..).take(wanted.len()).collect())
        .int("workspace", vec![workspace.get(); wanted.len()])
        .int("grain", column(|wanted| wanted.grain.number().into()))
        .int("level", column(|wanted| wanted.span.level.number().into()))
        .int("from_time", column(|wanted| wanted.span.window.start().micros()))
        .int("to_time", column(|wanted| wanted.span.window.end().micros()))
        .bind(workspace.partition().get())
        .bind(i16::from(wants == Counts::All))
        .bind(workspace.get())
        .statement(backend, READ)
}

/// What a row says.
enum Said {
    Position(i64),
    Block(Found),
    Pack(Vec<u8>),
}

fn said(row: &QueryResult, wanted: &[Wanted]) -> Result<Said, db::Error> {
    let Some(cells) = row.try_get::<Option<Vec<u8>>>("", "cells")? else {
        return Ok(Said::Position(row.try_get("", "at")?));
    };
    let Some(number) = row.try_get::<Option<i64>>("", "wanted")? else {
        return Ok(Said::Pack(cells));
    };
    let of = usize::try_from(number).ok().and_then(|number| wanted.get(number));
    let Wanted { bucket, grain, span } = of.ok_or_else(corrupt)?;
    let start = Timestamp::from_micros(row.try_get("", "at")?);
    let place = (*grain, span.level, start);
    Ok(Said::Block(Found { bucket: *bucket, place, cells, counts: row.try_get("", "counts")? }))
}

pub(super) fn corrupt() -> db::Error {
    db::Error::corrupt("cell_block", "cells", "of a window")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sea_orm::ConnectionTrait as _;

    use super::*;
    use crate::domain::samples::{query, workspace};
    use kernel::SavingsPolicy;

    /// Blocks of a hundred workspaces and of one more.
    const BLOCKS: &str = "INSERT INTO cell_block SELECT p, w, 0, grain, level, \
         1767225600000000 + n * 900000000::bigint, 0, 0, '', '' \
         FROM (SELECT i % 64 + 1, i FROM generate_series(101, 200) AS i UNION SELECT {0}, {1}) AS of (p, w), \
         (VALUES (0, 0), (0, 1), (0, 2), (1, 0), (2, 0)) AS kind (grain, level), \
         generate_series(1, 40) AS n";

    #[tokio::test]
    async fn postgres_goes_down_the_key_of_every_window_and_not_through_all_blocks() {
        let database = testkit::postgres::<crate::Migrator>(crate::NAME).await;
        let db = &database.db;
        let (partition, own) = (workspace().partition().get(), workspace().get());
        let blocks = BLOCKS.replace("{0}", &partition.to_string()).replace("{1}", &own.to_string());
        let execute = async |sql: String| {
            let done = db.write::<_, (), db::Error>(move |txn| {
                Box::pin(async move {
                    txn.execute_unprepared(&sql).await?;
                    Ok(())
                })
            });
            done.await.unwrap();
        };
        execute(blocks).await;
        let window = query(SavingsPolicy::Credited).window;
        let spans = window.cover(Grain::Total).into_iter();
        let wanted: Vec<_> =
            spans.map(|span| Wanted { bucket: 0, grain: Grain::Total, span }).collect();
        let read = statement(DbBackend::Postgres, workspace(), &wanted, Counts::AsNeeded);
        let explain = Statement { sql: format!("EXPLAIN {}", read.sql), ..read };
        // In a new database, and when it has statistics.
        for told in ["SELECT 1", "ANALYZE"] {
            execute(told.to_owned()).await;
            let lines = db.reader().query_all_raw(explain.clone()).await.unwrap();
            let line = |line: &QueryResult| line.try_get_by_index::<String>(0).unwrap();
            let lines: Vec<String> = lines.iter().map(line).collect();
            let looks = lines.windows(2).filter(|lines| lines[0].contains("on cell_block block"));
            let looks: Vec<_> = looks.map(|lines| lines[1].trim()).collect();
            assert_eq!(looks.len(), 1, "{lines:#?}");
            let cond = looks[0].starts_with("Index Cond") || looks[0].starts_with("Recheck Cond");
            let whole = ["workspace", "generation", "level", "start_time"];
            assert!(cond && whole.iter().all(|of| looks[0].contains(of)), "{told}: {lines:#?}");
        }
    }
}
