//! Thirty days of a hundred workspaces, of which one holds half.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kernel::{IdSource, Timestamp};
use wire::ingest::v1::Event;

use super::mix::{self, EVENTS_A_TICKET};
use super::{LARGE, questions};
use crate::bench::{Fill, Target};
use crate::failure::Failure;

pub(crate) const WORKSPACES: usize = 100;
/// Events of one call: whole tickets, and as many as a call may carry.
const BATCH: usize = 999;
const STEPS_APART: Duration = Duration::from_secs(20);

/// The events of a run; clones share the count.
#[derive(Clone)]
pub(crate) struct History {
    run: Arc<str>,
    made: Arc<AtomicU64>,
    now: Timestamp,
}

impl History {
    /// Ends at `now`.
    pub(crate) fn new(ids: &dyn IdSource, now: Timestamp) -> Self {
        let run = format!("bench-{:x}", ids.next_i64()).into();
        Self { run, made: Arc::default(), now }
    }

    /// Tracks `count` more events, spread over the thirty days, oldest first.
    pub(crate) async fn track(
        &self,
        target: &Arc<Target>,
        count: u64,
        in_flight: usize,
    ) -> Result<(), Failure> {
        let first = self.made.fetch_add(count, Ordering::Relaxed);
        let stage = first..first + count;
        let fill = Fill { events: count, batch: BATCH, in_flight };
        fill.run(target, |nth, size| (workspace(nth), self.batch(&stage, nth, size))).await
    }

    /// An event of right now.
    pub(crate) fn latest(&self, now: Timestamp) -> Event {
        self.event(self.made.fetch_add(1, Ordering::Relaxed), now)
    }

    fn batch(&self, stage: &Range<u64>, nth: u64, size: usize) -> Vec<Event> {
        let first = stage.start + nth * BATCH as u64;
        (first..first + size as u64).map(|n| self.event(n, self.moment(stage, n))).collect()
    }

    fn event(&self, n: u64, at: Timestamp) -> Event {
        Event {
            idempotency_key: format!("{}-{n}", self.run),
            occurred_time: Some(at.parts().into()),
            ..mix::event(n)
        }
    }

    /// When event `n` of a stage occurred: tickets come in evenly, their steps follow one another.
    fn moment(&self, stage: &Range<u64>, n: u64) -> Timestamp {
        let step = n % EVENTS_A_TICKET;
        let before = (n - step).saturating_sub(stage.start);
        let share = before as f64 / (stage.end - stage.start) as f64;
        let opened = self.now.minus(questions::LOOKED_AT.mul_f64(1.0 - share));
        opened.plus(STEPS_APART * step as u32).min(self.now)
    }
}

/// Whose the nth batch is: every other one is the large workspace's, the others take turns.
fn workspace(nth: u64) -> usize {
    if nth.is_multiple_of(2) {
        return LARGE;
    }
    let others = WORKSPACES as u64 - 1;
    1 + usize::try_from(nth / 2 % others).unwrap_or(0)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use testkit::SeededIds;

    const NOW: &str = "2026-03-15T10:20:30Z";

    fn history() -> History {
        History::new(&SeededIds::new(1), NOW.parse().unwrap())
    }

    #[test]
    fn one_workspace_of_a_hundred_holds_half() {
        let batches: Vec<usize> = (0..1_980).map(workspace).collect();
        let of = |wanted| batches.iter().filter(|of| **of == wanted).count();
        assert_eq!(of(LARGE), 990);
        assert!((1..WORKSPACES).all(|other| of(other) == 10));
    }

    #[test]
    fn the_events_of_a_stage_fill_thirty_days_until_now_and_no_more() {
        let history = history();
        let stage = 100_000..1_000_000;
        let times: Vec<Timestamp> = stage.clone().map(|n| history.moment(&stage, n)).collect();
        let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        let (oldest, minute) = (history.now.since(*first), Duration::from_secs(60));
        assert!(oldest <= questions::LOOKED_AT && oldest > questions::LOOKED_AT - minute);
        assert!(*last <= history.now && history.now.since(*last) < minute);
    }

    #[test]
    fn a_batch_holds_whole_tickets_and_every_event_has_a_key_of_its_own() {
        let (history, stage) = (history(), 0..10_000);
        let batches = [0, 1].map(|nth| history.batch(&stage, nth, BATCH));
        let tickets = batches.clone().map(|events| {
            events.into_iter().map(|event| event.ticket.unwrap().ticket_id).collect::<BTreeSet<_>>()
        });
        assert_eq!(tickets[0].len(), BATCH / 3);
        assert!(tickets[0].is_disjoint(&tickets[1]));
        let keys: BTreeSet<String> =
            batches.into_iter().flatten().map(|event| event.idempotency_key).collect();
        assert_eq!(keys.len(), 2 * BATCH);
    }
}
