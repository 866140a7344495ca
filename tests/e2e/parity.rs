//! The same seeded workload on SQLite and on PostgreSQL (RELIABILITY T31): every answer is the same to the
//! last field, every report, refusal and page token included, and so are the ledgers. Nothing is left out of
//! the comparison but trace contexts, which callers draw, and whose key set a rate.
//! TALLY_TEST_OPERATIONS=5000000 gives T31 its longer figure.

mod both;
mod calls;
mod draw;
mod workload;

use std::collections::BTreeSet;

use kernel::WorkspaceId;
use tests::{Stage, entries, operations};
use wire::ingest::v1::LedgerEntry;

use both::Both;
use calls::{Answer, Call};
use workload::Workload;

/// Operations of a run, each event of a batch being one, unless TALLY_TEST_OPERATIONS says how many.
const OPERATIONS: usize = 50_000;
const SEED: u64 = 31;
/// Entries compared at a time.
const ENTRIES: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_and_postgres_give_the_same_answers_and_the_same_ledger() {
    let both = Both::start().await;
    let operations = operations(OPERATIONS);
    let mut workload = Workload::new(SEED, &both.workspaces());
    let (mut done, mut calls, mut said) = (0, 0, 0);
    while done < operations {
        let (workspace, call) = workload.next(both.advance());
        let size = call.size();
        let answer = both.ask(workspace, &call).await;
        workload.learn(workspace, &call, &answer);
        (done, calls) = (done + size, calls + 1);
        if done * 10 / operations > said {
            said = done * 10 / operations;
            println!("{done} operations in {calls} calls: {}", workload.summary());
        }
    }
    for workspace in 0..both.workspaces().len() {
        let answer = both.ask(workspace, &Call::Check(workload.check_of_everything())).await;
        let Answer::Check(checked) = answer else { panic!("{answer:?}") };
        assert!(checked.holds, "{:?}", checked.checks);
    }
    let entries = ledgers_are_the_same(&both).await;
    println!("{entries} entries");
    assert!(entries > 0);
    both.stop().await;
}

/// How many entries they hold.
async fn ledgers_are_the_same(both: &Both) -> usize {
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    for [sqlite, postgres] in both.stages() {
        let workspace: WorkspaceId = sqlite.workspace.parse().unwrap();
        if !seen.insert(workspace.partition()) {
            continue;
        }
        let mut after = 0;
        loop {
            let (one, other) = tokio::join!(page(sqlite, after), page(postgres, after));
            let both = one.iter().zip(&other);
            both.for_each(|(one, other)| assert_eq!(one, other));
            assert_eq!(one.len(), other.len());
            let Some(last) = one.last() else { break };
            (after, count) = (last.seq, count + one.len());
        }
    }
    count
}

/// At most so many, so that both are cut at the same place.
async fn page(stage: &Stage, after: i64) -> Vec<LedgerEntry> {
    let mut entries = entries(stage, after, ENTRIES).await;
    entries.truncate(ENTRIES);
    for entry in &mut entries {
        entry.trace_context.clear();
    }
    entries
}
