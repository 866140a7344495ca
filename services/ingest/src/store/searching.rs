//! Searching the ledger, on both databases.

use db::Db;
use kernel::{Position, Timestamp, Window, WorkspaceId};

use super::{LedgerReader, LedgerWriter, NewEntry};
use crate::domain::{Fingerprint, Search};

testkit::store_suite! {
    suite: crate::store::searching,
    migrator: crate::Migrator,
    backends: [sqlite, postgres],
    cases: [
        only_what_is_sought_comes_back,
        a_stretch_ends_where_it_says_and_a_limit_cuts_it,
        entries_are_found_together_and_only_ones_own,
        the_end_of_a_partition_and_the_time_of_an_entry_can_be_asked,
    ],
}

const NOW: Timestamp = Timestamp::from_micros(1_780_000_000_123_457);

fn workspace(number: i64) -> WorkspaceId {
    WorkspaceId::new(number).unwrap()
}

/// Ten entries of workspace 1 at seq 1 to 10, and one of its neighbour's, 2, at 11: they share a
/// partition. Kind is 10 on odd seqs and 12 on even ones; the n-th occurred at n microseconds.
async fn filled(db: Db) -> LedgerReader {
    let entry = |number: i64, seq: i64| NewEntry {
        workspace: workspace(number),
        partition: workspace(number).partition(),
        kind: if seq % 2 == 1 { 10 } else { 12 },
        occurred: Timestamp::from_micros(seq),
        key_hash: None,
        body_hash: Fingerprint::of(b""),
        trace: None,
        record: vec![1],
    };
    let mut entries: Vec<NewEntry> = (1..=10).map(|seq| entry(1, seq)).collect();
    entries.push(entry(2, 11));
    let ledger = LedgerWriter::new(db.clone());
    ledger.append(entries.into(), NOW).await.unwrap();
    LedgerReader(db)
}

async fn seqs(reader: &LedgerReader, stretch: (i64, i64), search: &Search, limit: u64) -> Vec<i64> {
    let rows = reader.search(workspace(1), stretch, search, limit).await.unwrap();
    rows.iter().map(|row| row.position.seq).collect()
}

pub(crate) async fn only_what_is_sought_comes_back(db: Db) {
    let reader = filled(db).await;
    let at = Timestamp::from_micros;
    let window = Window::new(at(3), at(6));
    for (search, wanted) in [
        (Search::default(), (1..=10).collect::<Vec<_>>()),
        (Search { kinds: vec![12], ..Default::default() }, vec![2, 4, 6, 8, 10]),
        (Search { kinds: vec![12, 13], window }, vec![4]),
        (Search { window, ..Default::default() }, vec![3, 4, 5]),
        (Search { kinds: vec![13], ..Default::default() }, vec![]),
    ] {
        assert_eq!(seqs(&reader, (0, 11), &search, 100).await, wanted, "{search:?}");
    }
}

pub(crate) async fn a_stretch_ends_where_it_says_and_a_limit_cuts_it(db: Db) {
    let reader = filled(db).await;
    let all = Search::default();
    assert_eq!(seqs(&reader, (3, 6), &all, 100).await, [4, 5, 6]);
    assert_eq!(seqs(&reader, (3, 9), &all, 2).await, [4, 5]);
    assert_eq!(seqs(&reader, (10, 11), &all, 100).await, [0; 0], "the neighbour's");
    assert_eq!(seqs(&reader, (11, i64::MAX), &all, 100).await, [0; 0]);
}

pub(crate) async fn entries_are_found_together_and_only_ones_own(db: Db) {
    let reader = filled(db).await;
    let rows = reader.find_all(workspace(1), vec![9, 11, 2, 2, 12]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.position.seq).collect::<Vec<_>>(), [2, 9]);
}

pub(crate) async fn the_end_of_a_partition_and_the_time_of_an_entry_can_be_asked(db: Db) {
    let reader = filled(db).await;
    let partition = workspace(1).partition();
    assert_eq!(reader.head(partition).await.unwrap(), 11);
    let recorded = |seq| reader.recorded(Position { partition, seq });
    assert_eq!(recorded(11).await.unwrap(), Some(NOW));
    assert_eq!(recorded(12).await.unwrap(), None);
}
