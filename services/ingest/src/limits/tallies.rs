//! How many entries this process has committed since usage was last counted, by workspace and month.
//!
//! Counting them in the ledger instead reads every entry once more: 3 % of what a batch of events cost, and
//! at a time, every half a minute. That is left for what came before this process and what others committed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::{PARTITIONS, Partition, Position, WorkspaceId};

use crate::domain::Month;
use crate::domain::limits::CALL_DENIED;
use crate::store::{Appended, MonthlyEvents, NewEntry};

/// Of all partitions. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tallies(Arc<[Mutex<Tally>]>);

/// What was committed here without a gap.
#[derive(Default)]
struct Tally {
    /// The entry behind which it begins, and the one with which it ends.
    from: i64,
    to: i64,
    events: MonthlyEvents,
}

/// What is known of the entries behind a position.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// All of them up to here.
    Tallied { to: i64, events: MonthlyEvents },
    /// Nothing of those up to here.
    Unknown { to: i64 },
}

impl Tallies {
    pub(crate) fn new() -> Self {
        Self((0..PARTITIONS).map(|_| Mutex::default()).collect())
    }

    /// Takes note of what became of entries, in the order of their positions.
    pub(crate) fn note(&self, entries: &[NewEntry], answers: &[Appended]) {
        let mut known = None;
        for (entry, answer) in entries.iter().zip(answers) {
            if let Appended::New { position, recorded } = answer {
                // Those of one commit have one time.
                let month = match known {
                    Some((at, month)) if at == *recorded => month,
                    _ => Month::of(*recorded),
                };
                known = Some((*recorded, month));
                let events = i64::from(entry.kind != CALL_DENIED);
                self.of(position.partition).note(position.seq, (entry.workspace, month), events);
            }
        }
    }

    /// Hands over what was committed behind `from`, as far as it is known here.
    pub(crate) fn take(&self, from: Position, head: i64) -> Behind {
        let mut tally = self.of(from.partition);
        match tally.from {
            begins if begins == from.seq && tally.to > begins => {
                let (to, events) = (tally.to, std::mem::take(&mut tally.events));
                tally.from = to;
                Behind::Tallied { to, events }
            }
            begins if begins > from.seq => Behind::Unknown { to: begins.min(head) },
            begins => {
                if begins < from.seq {
                    // Somebody has counted past its beginning: from here on it knows again.
                    *tally = Tally { from: tally.to, to: tally.to, ..Tally::default() };
                }
                Behind::Unknown { to: head }
            }
        }
    }

    fn of(&self, partition: Partition) -> MutexGuard<'_, Tally> {
        let tally = &self.0[usize::from(partition.get().unsigned_abs())];
        tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn note(&mut self, seq: i64, of: (WorkspaceId, Month), events: i64) {
        if seq != self.to + 1 {
            // Another process wrote in between.
            *self = Self { from: seq - 1, ..Self::default() };
        }
        self.to = seq;
        *self.events.entry(of).or_default() += events;
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use kernel::Timestamp;

    fn at(seq: i64) -> Position {
        Position { partition: workspace().partition(), seq }
    }

    fn workspace() -> WorkspaceId {
        WorkspaceId::new(1).unwrap()
    }

    fn note(tallies: &Tallies, seqs: impl IntoIterator<Item = i64>) {
        for seq in seqs {
            let of = (workspace(), Month::of(Timestamp::EPOCH));
            tallies.of(at(seq).partition).note(seq, of, 1);
        }
    }

    fn taken(tallies: &Tallies, from: i64) -> Result<(i64, i64), i64> {
        match tallies.take(at(from), 100) {
            Behind::Tallied { to, events } => Ok((to, events.into_values().sum())),
            Behind::Unknown { to } => Err(to),
        }
    }

    #[test]
    fn what_was_committed_here_is_told_once_and_what_came_before_is_not() {
        let tallies = Tallies::new();
        assert_eq!(taken(&tallies, 0), Err(100));
        note(&tallies, 8..=12);
        assert_eq!(taken(&tallies, 3), Err(7), "4 to 7 are to be counted in the ledger");
        assert_eq!(taken(&tallies, 7), Ok((12, 5)));
        assert_eq!(taken(&tallies, 12), Err(100));
        note(&tallies, 13..=14);
        assert_eq!(taken(&tallies, 7), Err(12), "taken, and not counted: the ledger knows");
        assert_eq!(taken(&tallies, 12), Ok((14, 2)));
    }

    #[test]
    fn a_gap_starts_anew() {
        let tallies = Tallies::new();
        note(&tallies, [1, 2, 5, 6]);
        assert_eq!(taken(&tallies, 0), Err(4));
        assert_eq!(taken(&tallies, 4), Ok((6, 2)));
        note(&tallies, 7..=9);
        assert_eq!(taken(&tallies, 8), Err(100), "another process has counted on");
        note(&tallies, 10..=11);
        assert_eq!(taken(&tallies, 9), Ok((11, 2)));
    }
}
