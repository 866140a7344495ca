//! The contract of the store where steps are corrected and cells are counted again, run on both databases.
#![expect(clippy::unwrap_used, missing_docs, reason = "tests: the names are sentences")]

use std::time::Duration;

use db::Db;
use kernel::{Outcome, SavingsPolicy, Timestamp, WorkspaceId};

use super::suite::{Lease, read};
use super::{Claim, NewRebuild, Part, Rebuilds, SqlStore, Store};
use crate::digest::seal;
use crate::domain::samples::{DAY, START, query, step, workspace};
use crate::domain::{
    Amendment, Correction, Fact, Held, Judgement, Query, RebuildState, Recount, Step, overview,
    recounted,
};

const LEASE: Duration = Duration::from_secs(60);

/// What both databases must come to for one log; only the definition of a cell changes it.
const SEAL: &str = "77c538af7e2dfebefc37624c477a060edc4738802321e4ae8795992194a3e030";

/// A log of steps, judgements and retractions, in the order of a ledger; the place of an entry is its seq.
fn log(entries: i64, seed: i64) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    let mut steps: Vec<(i64, Step)> = Vec::new();
    let mut judged: Vec<(i64, i64)> = Vec::new();
    let mut dice = seed;
    let mut roll = |sides: i64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33).rem_euclid(sides)
    };
    for seq in 1..=entries {
        let kind = if steps.is_empty() { 0 } else { roll(10) };
        let outcome = Outcome::ALL[roll(4) as usize];
        let correction = |step: i64, original: Option<Step>, amends| {
            let workspace = workspace();
            Fact::Correction(Correction { workspace, step, original, amends })
        };
        let fact = match kind {
            0..=5 => {
                // Backdated now and then.
                let at = START + roll(25) * DAY + roll(96) * 900_000_000;
                let mut step = step("customer_email_draft", 1 + roll(9), outcome, at);
                step.dimensions.agent = format!("agent {}", roll(3));
                step.ticket = (roll(4) > 0).then(|| format!("T-{}", roll(30)));
                step.spent.agent_ms = (roll(2) > 0).then(|| roll(600_000) as u32);
                steps.push((seq, step.clone()));
                Fact::Step(step)
            }
            6 | 7 => {
                let (place, step) = steps[roll(steps.len() as i64) as usize].clone();
                let human_edit_ms = (roll(2) > 0).then(|| roll(100_000));
                let judgement = Judgement { outcome, human_edit_ms };
                judged.push((place, seq));
                correction(place, Some(step), Amendment::Judged { seq, judgement })
            }
            8 if !judged.is_empty() => {
                let (place, seq) = judged[roll(judged.len() as i64) as usize];
                correction(place, None, Amendment::JudgementRetracted { seq })
            }
            _ => {
                let (place, step) = steps[roll(steps.len() as i64) as usize].clone();
                correction(place, Some(step), Amendment::StepRetracted)
            }
        };
        facts.push(fact);
    }
    facts
}

async fn apply(store: &SqlStore, facts: &[Fact], from: i64) -> Result<(), tail::Error> {
    let partition = workspace().partition();
    let to = from + facts.len() as i64;
    let cursor = Box::new(Lease { partition, from, to, dies: false });
    store.apply(Part { partition, facts: facts.to_vec(), cursor }).await
}

/// What the store holds is what a recount of the log gives; answers the seal.
async fn assert_recounts(store: &SqlStore, log: &[Fact]) -> String {
    assert_recounts_for(store, workspace(), log).await
}

async fn assert_recounts_for(store: &SqlStore, workspace: WorkspaceId, log: &[Fact]) -> String {
    let query = Query { workspace, ..query(SavingsPolicy::Credited) };
    let held = store.every(query.workspace, &query.window).await.unwrap().cells;
    let expected = recount(store, workspace, log).await;
    for check in recounted(&query, &held, &expected) {
        assert!(check.holds(), "{check:?}");
    }
    assert_eq!(seal(&held), seal(&expected));
    seal(&held)
}

async fn recount(store: &SqlStore, workspace: WorkspaceId, log: &[Fact]) -> Vec<Held> {
    let query = Query { workspace, ..query(SavingsPolicy::Credited) };
    let mut recount = Recount::new(query.workspace, query.window);
    recount.take(log.to_vec());
    let numbers = store.numbers(query.workspace, recount.tickets()).await.unwrap();
    let numbers: Vec<u32> = numbers.into_iter().map(|n| n.unwrap_or(u32::MAX)).collect();
    recount.held(&numbers)
}

pub async fn corrections_in_batches_of_any_size_give_the_cells_of_a_recount(db: Db) {
    let store = SqlStore::new(db);
    let log = log(400, 7);
    let (mut at, mut batch) = (0, 1);
    while at < log.len() {
        let end = (at + batch).min(log.len());
        apply(&store, &log[at..end], at as i64).await.unwrap();
        (at, batch) = (end, batch * 2 % 97 + 1);
    }
    assert_recounts(&store, &log).await;
}

/// The same log, of another workspace.
fn moved(log: Vec<Fact>, to: WorkspaceId) -> Vec<Fact> {
    log.into_iter()
        .map(|fact| match fact {
            Fact::Step(step) => Fact::Step(Step { workspace: to, ..step }),
            Fact::Correction(correction) => {
                let original = correction.original.map(|step| Step { workspace: to, ..step });
                Fact::Correction(Correction { workspace: to, original, ..correction })
            }
        })
        .collect()
}

pub async fn random_logs_of_workspaces_in_one_partition_each_count_as_a_recount_does(db: Db) {
    let store = SqlStore::new(db);
    let partition = workspace().partition();
    let workspaces = (1..).filter_map(WorkspaceId::new).filter(|w| w.partition() == partition);
    let logs: Vec<(WorkspaceId, Vec<Fact>)> =
        workspaces.take(12).zip(21..).map(|(w, seed)| (w, moved(log(90, seed), w))).collect();
    // Interleaved, in batches of all sizes, every other log backwards.
    let mut at = 0;
    for (turn, span) in [0..40usize, 40..41, 41..90].into_iter().enumerate() {
        let mut batch = Vec::new();
        for (n, (_, log)) in logs.iter().enumerate() {
            let part = &log[span.clone()];
            if n % 2 == turn % 2 {
                batch.extend(part.iter().rev().cloned());
            } else {
                batch.extend(part.iter().cloned());
            }
        }
        apply(&store, &batch, at).await.unwrap();
        at += batch.len() as i64;
    }
    for (workspace, log) in &logs {
        assert_recounts_for(&store, *workspace, log).await;
    }
}

pub async fn a_correction_that_comes_before_its_step_counts_all_the_same(db: Db) {
    let store = SqlStore::new(db);
    let mut reversed = log(200, 11);
    reversed.reverse();
    for (n, part) in reversed.chunks(37).enumerate() {
        apply(&store, part, n as i64 * 37).await.unwrap();
    }
    assert_recounts(&store, &log(200, 11)).await;
}

pub async fn a_step_taken_back_takes_its_ticket_along_unless_another_step_has_it(db: Db) {
    let store = SqlStore::new(db);
    let mut one = step("ticket_routing", 2, Outcome::Success, START);
    one.ticket = Some("T-1".to_owned());
    let gone = |place| {
        let (workspace, original) = (workspace(), Some(one.clone()));
        let amends = Amendment::StepRetracted;
        Fact::Correction(Correction { workspace, step: place, original, amends })
    };
    let twice = [Fact::Step(one.clone()), Fact::Step(one.clone())];
    let tally = async |store: &SqlStore| {
        let query = query(SavingsPolicy::Credited);
        let tally = overview(&query, &read(store, &query).await.cells);
        (tally.events(), tally.tickets())
    };
    apply(&store, &twice, 0).await.unwrap();
    assert_eq!(tally(&store).await, (2, 1));
    apply(&store, &[gone(1)], 2).await.unwrap();
    assert_eq!(tally(&store).await, (1, 1));
    apply(&store, &[gone(1), gone(1)], 3).await.unwrap();
    assert_eq!(tally(&store).await, (1, 1), "taking back twice changes nothing");
    apply(&store, &[gone(2)], 5).await.unwrap();
    assert_eq!(tally(&store).await, (0, 0));
}

fn new(id: i64, request_id: &str) -> NewRebuild {
    NewRebuild {
        id,
        workspace: workspace(),
        request_id: request_id.to_owned(),
        reason: "to be sure".to_owned(),
        at: Timestamp::from_micros(START),
    }
}

async fn replay(store: &SqlStore, claim: &Claim, log: &[Fact], span: (i64, i64)) {
    let part = log[span.0 as usize..span.1 as usize].to_vec();
    store.replay(claim, span, part, LEASE).await.unwrap();
}

async fn succeed(store: &SqlStore, claim: &Claim, at: Timestamp) {
    let seals = store.seal(claim).await.unwrap();
    store.end(claim, Some(seals), at).await.unwrap();
}

pub async fn a_rebuild_meets_the_consumer_where_it_began(db: Db) {
    let store = SqlStore::new(db);
    let log = log(300, 3);
    apply(&store, &log[..180], 0).await.unwrap();
    let begun = store.begin(new(1, "a")).await.unwrap();
    assert_eq!((begun.state, begun.until), (RebuildState::Running, 180));
    // The consumer goes on, with corrections of steps that are not replayed yet.
    apply(&store, &log[180..240], 180).await.unwrap();
    let claim = store.claim(77, LEASE).await.unwrap().unwrap();
    replay(&store, &claim, &log, (0, 100)).await;
    apply(&store, &log[240..], 240).await.unwrap();
    assert_recounts(&store, &log).await;
    replay(&store, &claim, &log, (100, 180)).await;
    let end = Timestamp::from_micros(START + 1);
    succeed(&store, &claim, end).await;
    assert_recounts(&store, &log).await;
    let ended = store.find(workspace(), 1).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.end), (RebuildState::Succeeded, Some(end)));
    assert_eq!(ended.digest_before, ended.digest_after);
    assert_eq!(ended.digest_after.len(), 64);
    // Another one, from the generation that is live now.
    store.begin(new(2, "b")).await.unwrap();
    let claim = store.claim(77, LEASE).await.unwrap().unwrap();
    replay(&store, &claim, &log, (0, 300)).await;
    succeed(&store, &claim, end).await;
    assert_recounts(&store, &log).await;
}

pub async fn batches_of_a_few_gather_and_a_rebuild_of_many_holds_the_same(db: Db) {
    let store = SqlStore::new(db);
    // Six in seven without corrections, so that batches gather and are filed, and meet what is taken back.
    let (steps, corrected) = (log(700, 11), log(150, 12));
    let steps = steps.into_iter().filter(|fact| matches!(fact, Fact::Step(_)));
    let log: Vec<Fact> = steps.chain(corrected).collect();
    let mut done = 0;
    for few in log.chunks(3) {
        apply(&store, few, done as i64).await.unwrap();
        done += few.len();
        if done % 51 == 0 {
            assert_recounts(&store, &log[..done]).await;
        }
    }
    store.begin(new(1, "a")).await.unwrap();
    let claim = store.claim(77, LEASE).await.unwrap().unwrap();
    replay(&store, &claim, &log, (0, log.len() as i64)).await;
    succeed(&store, &claim, Timestamp::from_micros(START)).await;
    assert_recounts(&store, &log).await;
    let ended = store.find(workspace(), 1).await.unwrap().unwrap();
    assert_eq!(ended.digest_before, ended.digest_after);
}

pub async fn a_rebuild_mends_cells_that_are_wrong(db: Db) {
    let store = SqlStore::new(db.clone());
    let log = log(120, 5);
    apply(&store, &log, 0).await.unwrap();
    db.write::<_, (), db::Error>(|txn| {
        Box::pin(async move {
            use sea_orm::ConnectionTrait as _;
            use sea_orm::sea_query::{Expr, ExprTrait as _};
            let spoil = sea_orm::sea_query::Query::delete()
                .from_table("cell_block")
                .and_where(Expr::col("level").eq(0i16))
                .to_owned();
            txn.execute(&spoil).await?;
            Ok(())
        })
    })
    .await
    .unwrap();
    let query = query(SavingsPolicy::Credited);
    let held = store.every(query.workspace, &query.window).await.unwrap().cells;
    let found = recounted(&query, &held, &recount(&store, query.workspace, &log).await);
    assert!(found.iter().any(|check| !check.holds()), "a check that never fails checks nothing");
    store.begin(new(1, "a")).await.unwrap();
    let claim = store.claim(77, LEASE).await.unwrap().unwrap();
    replay(&store, &claim, &log, (0, 120)).await;
    succeed(&store, &claim, Timestamp::from_micros(START)).await;
    assert_recounts(&store, &log).await;
    let ended = store.find(workspace(), 1).await.unwrap().unwrap();
    assert_ne!(ended.digest_before, ended.digest_after);
}

pub async fn one_rebuild_runs_at_a_time_and_one_replica_works_on_it(db: Db) {
    let store = SqlStore::new(db);
    let log = log(50, 9);
    apply(&store, &log, 0).await.unwrap();
    let first = store.begin(new(1, "a")).await.unwrap();
    assert_eq!(store.begin(new(2, "b")).await.unwrap(), first, "the running one is answered");
    let expired = store.claim(77, Duration::ZERO).await.unwrap().unwrap();
    // Killed. Its lease has run out, and another goes on where it stood.
    tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            if let Some(claim) = store.claim(78, LEASE).await.unwrap() {
                break claim;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .map(async |claim| {
        let late = store.replay(&expired, (0, 50), log.clone(), LEASE).await;
        assert!(matches!(late, Err(tail::Error::Fenced(_))), "{late:?}");
        assert!(store.claim(79, LEASE).await.unwrap().is_none(), "somebody works on it");
        replay(&store, &claim, &log, (0, 50)).await;
        let again = store.replay(&claim, (0, 50), log.clone(), LEASE).await;
        assert!(matches!(again, Err(tail::Error::Fenced(_))), "replayed once: {again:?}");
        succeed(&store, &claim, Timestamp::from_micros(START)).await;
    })
    .unwrap()
    .await;
    assert_eq!(store.begin(new(3, "a")).await.unwrap().id, 1, "the same request");
    assert_recounts(&store, &log).await;
}

pub async fn a_lease_is_renewed_by_whoever_holds_it_and_by_nobody_else(db: Db) {
    let store = SqlStore::new(db);
    store.begin(new(1, "a")).await.unwrap();
    // Run out as soon as it was taken, and still nobody else's.
    let claim = store.claim(77, Duration::ZERO).await.unwrap().unwrap();
    store.renew(&claim, LEASE).await.unwrap();
    assert!(store.claim(78, LEASE).await.unwrap().is_none(), "somebody works on it");
    let other = Claim { holder: 78, ..claim.clone() };
    let refused = store.renew(&other, LEASE).await;
    assert!(matches!(refused, Err(tail::Error::Fenced(_))), "{refused:?}");
    succeed(&store, &claim, Timestamp::from_micros(START)).await;
    let ended = store.renew(&claim, LEASE).await;
    assert!(matches!(ended, Err(tail::Error::Fenced(_))), "{ended:?}");
}

pub async fn a_rebuild_given_up_leaves_the_cells_as_they_were(db: Db) {
    let store = SqlStore::new(db);
    let log = log(80, 13);
    apply(&store, &log, 0).await.unwrap();
    store.begin(new(1, "a")).await.unwrap();
    let claim = store.claim(77, LEASE).await.unwrap().unwrap();
    replay(&store, &claim, &log, (0, 40)).await;
    store.end(&claim, None, Timestamp::from_micros(START)).await.unwrap();
    assert_recounts(&store, &log).await;
    let ended = store.find(workspace(), 1).await.unwrap().unwrap();
    assert_eq!(ended.state, RebuildState::Failed);
}

pub async fn both_databases_hold_the_same_cells(db: Db) {
    let store = SqlStore::new(db);
    let log = log(250, 17);
    for (n, part) in log.chunks(50).enumerate() {
        apply(&store, part, n as i64 * 50).await.unwrap();
    }
    let sealed = assert_recounts(&store, &log).await;
    assert_eq!(sealed, SEAL);
}
