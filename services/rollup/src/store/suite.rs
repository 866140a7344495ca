//! The contract of the store, run on both databases.
#![expect(clippy::unwrap_used, missing_docs, reason = "tests: the names are sentences")]

use std::collections::BTreeSet;

use async_trait::async_trait;
use db::Db;
use kernel::{Outcome, Partition, SavingsPolicy, Timestamp, Window, WorkspaceId};
use sea_orm::sea_query::{Expr, ExprTrait, Query as Sql};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::{Cursor, Part, Reading, SqlStore, Store};
use crate::domain::samples::{DAY, START, fold, query, step, workspace};
use crate::domain::{
    AlignedWindow, Cell, Dimension, Fact, Grain, Order, Query, Recount, Step, overview, savings,
};

const QUARTER: i64 = 900_000_000;

/// Moves the cursor as a lease would: only from where the batch begins.
pub(super) struct Lease {
    pub(super) partition: Partition,
    pub(super) from: i64,
    pub(super) to: i64,
    /// Fails after it has moved the cursor, as a crash before the commit would.
    pub(super) dies: bool,
}

#[async_trait]
impl Cursor for Lease {
    async fn advance(&self, txn: &DatabaseTransaction) -> Result<(), tail::Error> {
        let moved = Sql::update()
            .table("tail_partition")
            .value("seq", self.to)
            .and_where(Expr::col("partition").eq(self.partition.get()))
            .and_where(Expr::col("seq").eq(self.from))
            .to_owned();
        let moved = txn.execute(&moved).await?.rows_affected();
        if moved == 1 && !self.dies { Ok(()) } else { Err(tail::Error::Fenced(self.partition)) }
    }
}

async fn apply(store: &SqlStore, steps: &[Step], from: i64, to: i64) -> Result<(), tail::Error> {
    let partition = steps.first().map_or(workspace(), |step| step.workspace).partition();
    let cursor = Box::new(Lease { partition, from, to, dies: false });
    store.apply(Part { partition, facts: facts(steps), cursor }).await
}

fn facts(steps: &[Step]) -> Vec<Fact> {
    steps.iter().cloned().map(Fact::Step).collect()
}

async fn windows(store: &SqlStore, query: &Query) -> Result<Reading<(usize, Cell)>, db::Error> {
    store.windows(query.workspace, Grain::Full, &[query.window]).await
}

pub(super) async fn read(store: &SqlStore, query: &Query) -> Reading<Cell> {
    let Reading { as_of, cells } = windows(store, query).await.unwrap();
    Reading { as_of, cells: cells.into_iter().map(|(_, cell)| cell).collect() }
}

/// 400 steps over ten days: all outcomes, awkward agents, tickets that come back; some without a ticket, some
/// that do not say how long they took, and some without either.
fn steps() -> Vec<Step> {
    let agents = ["a", "A", "á", "a\u{301}", "", "a b", "日本"];
    (0..400i64)
        .map(|n| {
            let outcome = Outcome::ALL[n as usize % 4];
            let mut step = step("ticket_routing", 1 + n % 9, outcome, START + n * (DAY / 40));
            step.dimensions.agent = agents[n as usize % agents.len()].to_owned();
            step.dimensions.technical = [None, Some(true), Some(false)][n as usize % 3];
            step.ticket = (n % 5 > 0).then(|| format!("T-{}", n % 60));
            step.spent.agent_ms = (n % 7 > 0).then_some(100 + n as u32);
            step
        })
        .collect()
}

/// Reports from what is stored equal reports from the pure model.
async fn assert_holds(store: &SqlStore, steps: Vec<Step>) {
    let mut model = Recount::new(workspace(), query(SavingsPolicy::Gross).window);
    model.apply(&fold(&steps));
    for policy in SavingsPolicy::ALL {
        let query = query(policy);
        let by = [Dimension::Agent, Dimension::Outcome, Dimension::Technical];
        let expected = model.read(Grain::Full, &query.window);
        let stored = read(store, &query).await.cells;
        let of = |cells: &[_]| savings(&query, &by, Order::Key, 1_000, cells);
        let (expected, stored) = (of(&expected), of(&stored));
        assert_eq!(stored.total.tickets(), expected.total.tickets());
        assert_eq!(stored.rows.len(), expected.rows.len());
        for (stored, expected) in stored.rows.iter().zip(&expected.rows) {
            assert_eq!(stored.key, expected.key);
            assert_eq!(stored.tally.tickets(), expected.tally.tickets(), "{:?}", stored.key);
            assert_eq!(stored.tally.saved_ms(), expected.tally.saved_ms(), "{:?}", stored.key);
            assert_eq!(stored.tally.net_saved(), expected.tally.net_saved(), "{:?}", stored.key);
        }
    }
}

pub async fn a_batch_that_comes_again_changes_nothing(db: Db) {
    let store = SqlStore::new(db);
    apply(&store, &steps(), 0, 400).await.unwrap();
    let again = apply(&store, &steps(), 0, 400).await;
    assert!(matches!(again, Err(tail::Error::Fenced(_))), "{again:?}");
    assert_holds(&store, steps()).await;
    assert_eq!(read(&store, &query(SavingsPolicy::Gross)).await.as_of.seq, 400);
}

pub async fn a_crash_before_the_commit_leaves_nothing_behind(db: Db) {
    let store = SqlStore::new(db);
    let partition = workspace().partition();
    let dying = Box::new(Lease { partition, from: 0, to: 400, dies: true });
    store.apply(Part { partition, facts: facts(&steps()), cursor: dying }).await.unwrap_err();
    let reading = read(&store, &query(SavingsPolicy::Gross)).await;
    assert_eq!((reading.as_of.seq, reading.cells.len()), (0, 0));
    apply(&store, &steps(), 0, 400).await.unwrap();
    assert_holds(&store, steps()).await;
}

pub async fn a_replica_that_lost_its_lease_writes_nothing(db: Db) {
    let store = SqlStore::new(db);
    let (first, second) = (steps()[..200].to_vec(), steps()[200..].to_vec());
    apply(&store, &first, 0, 200).await.unwrap();
    // It still believes that the cursor stands where it once was.
    apply(&store, &second, 100, 300).await.unwrap_err();
    assert_holds(&store, first).await;
}

pub async fn a_batch_that_is_refused_takes_no_other_with_it(db: Db) {
    let store = SqlStore::new(db);
    let others: Vec<WorkspaceId> = (2..40).filter_map(WorkspaceId::new).collect();
    let own = workspace().partition();
    let batches = others.iter().filter(|other| other.partition() != own).map(|&other| {
        let mut steps = steps();
        steps.iter_mut().for_each(|step| step.workspace = other);
        // Of those that share a partition only the first can move its cursor.
        let store = store.clone();
        async move { (other, apply(&store, &steps, 0, 400).await) }
    });
    let (mut moved, mut refused) = (BTreeSet::new(), 0);
    for (other, applied) in futures_util::future::join_all(batches).await {
        let query = Query { workspace: other, ..query(SavingsPolicy::Gross) };
        let cells = read(&store, &query).await.cells.len();
        match applied {
            Ok(()) => assert!(moved.insert(other.partition()) && cells > 0),
            Err(tail::Error::Fenced(_)) => {
                refused += 1;
                assert_eq!(cells, 0);
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(moved.len() > 20 && refused > 2, "{} and {refused}", moved.len());
}

/// Does what a defect does.
struct Panics;

#[async_trait]
impl Cursor for Panics {
    async fn advance(&self, _: &DatabaseTransaction) -> Result<(), tail::Error> {
        panic!("a defect");
    }
}

pub async fn a_batch_that_panics_is_its_own_callers_trouble(db: Db) {
    let store = SqlStore::new(db);
    let others = (2..20).filter_map(WorkspaceId::new);
    let batches = others.enumerate().map(|(nth, other)| {
        let (store, mut step) = (store.clone(), step("x", 1, Outcome::Success, START));
        (step.workspace, step.dimensions.agent) = (other, nth.to_string());
        let partition = other.partition();
        let cursor: Box<dyn Cursor> = if nth % 5 == 3 {
            Box::new(Panics)
        } else {
            Box::new(Lease { partition, from: 0, to: 1, dies: false })
        };
        let part = Part { partition, facts: facts(&[step]), cursor };
        tokio::spawn(async move { store.apply(part).await })
    });
    let applied = futures_util::future::join_all(batches.collect::<Vec<_>>()).await;
    for (nth, applied) in applied.iter().enumerate() {
        match applied {
            Ok(Ok(()) | Err(tail::Error::Fenced(_))) => assert!(nth % 5 != 3),
            Ok(Err(error)) => panic!("{error}"),
            Err(ended) => assert!(ended.is_panic() && nth % 5 == 3, "{nth}: {ended}"),
        }
    }
    let moved = applied.iter().filter(|applied| matches!(applied, Ok(Ok(()))));
    assert!(moved.count() > 5);
}

pub async fn any_order_and_any_split_gives_the_same_cells(db: Db) {
    let store = SqlStore::new(db);
    let mut shuffled = steps();
    shuffled.rotate_left(137);
    shuffled.reverse();
    let mut at = 0;
    for part in shuffled.chunks(61) {
        let to = at + part.len() as i64;
        apply(&store, part, at, to).await.unwrap();
        at = to;
    }
    assert_holds(&store, steps()).await;
}

pub async fn a_ticket_counts_once_however_often_it_is_seen(db: Db) {
    let store = SqlStore::new(db);
    let mut at = 0;
    for day in 0..5 {
        let seen: Vec<Step> = (0..30)
            .map(|n| {
                let mut step = step("ticket_routing", 2, Outcome::Success, START + day * DAY);
                step.ticket = Some(format!("T-{}", n + 10 * day));
                step
            })
            .collect();
        apply(&store, &seen, at, at + 30).await.unwrap();
        at += 30;
    }
    let all = query(SavingsPolicy::Credited);
    let tally = overview(&all, &read(&store, &all).await.cells);
    assert_eq!((tally.events(), tally.tickets()), (150, 70));
    let two_days = Query { window: window(START, START + 2 * DAY), ..all };
    assert_eq!(overview(&two_days, &read(&store, &two_days).await.cells).tickets(), 40);
}

pub async fn an_event_on_the_edge_belongs_to_the_later_quarter(db: Db) {
    let store = SqlStore::new(db);
    let edge = START + 5 * QUARTER;
    let mut before = step("ticket_routing", 2, Outcome::Success, edge - 1);
    before.dimensions.agent = "before".to_owned();
    let on = step("ticket_routing", 2, Outcome::Success, edge);
    apply(&store, &[before, on], 0, 2).await.unwrap();
    let events = async |start, end| {
        let query = Query { window: window(start, end), ..query(SavingsPolicy::Credited) };
        overview(&query, &read(&store, &query).await.cells).events()
    };
    assert_eq!(events(edge - QUARTER, edge).await, 1);
    assert_eq!(events(edge, edge + QUARTER).await, 1);
    assert_eq!(events(START - DAY, START).await, 0);
    assert_eq!(events(START, START + DAY).await, 2);
}

pub async fn windows_with_any_edges_come_to_the_same_by_cells_of_every_grain(db: Db) {
    let store = SqlStore::new(db);
    let steps = steps();
    apply(&store, &steps, 0, 400).await.unwrap();
    // From 09:45 to 09:45 as overviews have them, with a week in it; of five days and of one, within a day
    // and within an hour.
    let (week, days) = ((39, 39 + 12 * 96), (39, 39 + 5 * 96));
    let edges = [week, days, (39, 39 + 96), (42, 42 + 31), (41, 43), (8, 4 * 96), (0, 96)];
    let windows = edges.map(|(from, to)| window(START + from * QUARTER, START + to * QUARTER));
    let query = query(SavingsPolicy::Credited);
    for grain in Grain::ALL {
        let read = store.windows(query.workspace, grain, &windows).await.unwrap();
        for (n, window) in windows.iter().enumerate() {
            let cells = read.cells.iter().filter(|(of, _)| *of == n).map(|(_, cell)| cell.clone());
            let tally = overview(&query, &cells.collect::<Vec<_>>());
            let inside = steps.iter().filter(|step| window.window().contains(step.occurred));
            let tickets: BTreeSet<_> =
                inside.clone().filter_map(|step| step.ticket.as_ref()).collect();
            let measured = inside.clone().filter(|step| step.spent.agent_ms.is_some()).count();
            let counted = [inside.count(), tickets.len(), measured].map(|count| count as i64);
            let told = [tally.events(), tally.tickets(), tally.durations().count()];
            assert_eq!(told, counted, "{grain:?} {:?}", edges[n]);
        }
    }
}

pub async fn case_and_accents_tell_keys_and_tickets_apart(db: Db) {
    let store = SqlStore::new(db);
    let words = ["a", "A", "á", "a\u{301}", "ａ", "a "];
    let steps: Vec<Step> = words
        .iter()
        .map(|word| {
            let mut step = step("ticket_routing", 2, Outcome::Success, START);
            step.dimensions.agent = (*word).to_owned();
            step.ticket = Some((*word).to_owned());
            step
        })
        .collect();
    apply(&store, &steps[..3], 0, 3).await.unwrap();
    apply(&store, &steps[3..], 3, 6).await.unwrap();
    let query = query(SavingsPolicy::Credited);
    let report =
        savings(&query, &[Dimension::Agent], Order::Key, 100, &read(&store, &query).await.cells);
    let mut keys: Vec<_> = report.rows.iter().map(|row| row.key[0].as_str()).collect();
    let mut expected = words.to_vec();
    expected.sort_unstable();
    keys.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(report.total.tickets(), 6);
}

pub async fn workspaces_of_one_partition_stay_apart(db: Db) {
    let store = SqlStore::new(db);
    let one = workspace();
    let other = (1..)
        .filter_map(WorkspaceId::new)
        .find(|other| *other != one && other.partition() == one.partition())
        .unwrap();
    let mut mine = step("ticket_routing", 2, Outcome::Success, START);
    mine.ticket = Some("T-1".to_owned());
    let theirs = Step { workspace: other, ..mine.clone() };
    apply(&store, &[mine.clone(), theirs.clone(), theirs], 0, 3).await.unwrap();
    let mine = query(SavingsPolicy::Credited);
    let theirs = Query { workspace: other, ..mine.clone() };
    assert_eq!(overview(&mine, &read(&store, &mine).await.cells).events(), 1);
    assert_eq!(overview(&theirs, &read(&store, &theirs).await.cells).events(), 2);
}

pub async fn a_window_without_events_still_says_its_position(db: Db) {
    let store = SqlStore::new(db);
    apply(&store, &[], 0, 17).await.unwrap();
    let reading = read(&store, &query(SavingsPolicy::Credited)).await;
    assert_eq!((reading.as_of.seq, reading.cells.len()), (17, 0));
    assert_eq!(reading.as_of.partition, workspace().partition());
}

pub async fn a_damaged_row_is_named_and_not_guessed_at(db: Db) {
    let store = SqlStore::new(db.clone());
    let query = query(SavingsPolicy::Credited);
    // What many steps add is filed, what one adds is not yet.
    apply(&store, &steps(), 0, 400).await.unwrap();
    spoil(&db, "cell_block", "cells").await;
    let error = windows(&store, &query).await.unwrap_err();
    assert!(matches!(error, db::Error::Corrupt { table: "cell_block", .. }), "{error}");
    let other = (2..)
        .filter_map(WorkspaceId::new)
        .find(|other| other.partition() != workspace().partition());
    let mut seen = step("ticket_routing", 2, Outcome::Success, START);
    seen.workspace = other.unwrap();
    apply(&store, &[seen], 0, 1).await.unwrap();
    spoil(&db, "cell_pack", "blocks").await;
    let query = Query { workspace: other.unwrap(), ..query };
    let error = windows(&store, &query).await.unwrap_err();
    assert!(matches!(error, db::Error::Corrupt { table: "cell_pack", .. }), "{error}");
}

async fn spoil(db: &Db, table: &'static str, column: &'static str) {
    db.write::<_, (), db::Error>(move |txn| {
        Box::pin(async move {
            let spoil = Sql::update().table(table).value(column, vec![1u8, 2, 3]).to_owned();
            txn.execute(&spoil).await?;
            Ok(())
        })
    })
    .await
    .unwrap();
}

pub async fn a_closed_database_is_unavailable(db: Db) {
    let store = SqlStore::new(db.clone());
    db.close().await;
    let query = query(SavingsPolicy::Credited);
    let error = windows(&store, &query).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let error = apply(&store, &steps(), 0, 400).await.unwrap_err();
    assert!(matches!(error, tail::Error::Store(ref inner) if inner.is_retryable()), "{error}");
}

fn window(start: i64, end: i64) -> AlignedWindow {
    let [start, end] = [start, end].map(Timestamp::from_micros);
    AlignedWindow::new(Window::new(start, end).unwrap()).unwrap()
}
