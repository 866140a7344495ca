//! Who is committed together, and how many commits are under way.
//!
//! A lane is some of the partitions. Lanes with little to do share a commit: while it is under way all
//! queue, and the next takes them all. One that fills a commit by itself goes alone, beside the others, so
//! that many large commits hide one another's fsync. Of a lane at most one commit is under way, so its
//! entries stand in the order they came.
//!
//! Measured with 256 callers of Track, database and callers on the same 2 cores: every lane for itself,
//! 9,300 to 11,400 calls a second, in 1,150 commits of nine; shared, 15,000. Batches of 500 lose nothing.
//! Two that share, of half the lanes each, would hide one another's fsync too, but cost more than they hide:
//! 0.44 of an echo in four runs, one 0.49.

use std::collections::VecDeque;

use kernel::PARTITIONS;

use super::Job;

/// A commit of so many entries takes no further call: a bigger one gains nothing and holds the head rows
/// longer.
const COMMIT_ENTRIES_ENOUGH: usize = 4_096;
/// Nor does one of so many bytes, so that large events make no huge statement.
const COMMIT_BYTES_ENOUGH: usize = 8 * 1024 * 1024;
/// Entries that are worth a commit of their own where lanes share.
const ALONE_ENTRIES: usize = 256;

/// What may be committed side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lanes {
    /// So many lanes that share commits.
    Shared(usize),
    /// Each partition is a lane and shares with none; so many commits are under way at once.
    Apart { at_once: usize },
}

/// What waits, and what is under way.
pub(super) struct Schedule {
    lanes: Vec<Queue>,
    /// Entries that are worth a commit of their own.
    alone: usize,
    at_once: usize,
    under_way: usize,
    /// The commit that lanes share is under way.
    sharing: bool,
    /// The lane that is asked first, so that a long queue elsewhere starves nobody.
    first: usize,
}

/// What waits in a lane.
#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    entries: usize,
    busy: bool,
}

/// The calls of one commit.
pub(super) struct Group {
    pub(super) jobs: Vec<Job>,
    pub(super) of: Of,
}

/// The lanes a commit is for.
pub(super) struct Of {
    lanes: Vec<usize>,
    shared: bool,
}

impl Schedule {
    pub(super) fn new(lanes: Lanes) -> Self {
        let (lanes, alone, at_once) = match lanes {
            Lanes::Shared(count) => (count.max(1), ALONE_ENTRIES, count.max(1)),
            Lanes::Apart { at_once } => (usize::from(PARTITIONS.unsigned_abs()), 1, at_once.max(1)),
        };
        let lanes = (0..lanes).map(|_| Queue::default()).collect();
        Self { lanes, alone, at_once, under_way: 0, sharing: false, first: 0 }
    }

    pub(super) fn queue(&mut self, job: Job) {
        let lane = usize::from(job.partition.get().unsigned_abs()) % self.lanes.len();
        self.lanes[lane].entries += job.entries.len();
        self.lanes[lane].jobs.push_back(job);
    }

    /// The next commit that may begin now.
    pub(super) fn next(&mut self) -> Option<Group> {
        if self.under_way == self.at_once {
            return None;
        }
        let count = self.lanes.len();
        let turn: Vec<usize> = (0..count).map(|n| (self.first + n) % count).collect();
        let full = |lane: &&usize| {
            let lane = &self.lanes[**lane];
            !lane.busy && lane.entries >= self.alone
        };
        let group = match turn.iter().find(full).copied() {
            Some(lane) => self.take(&[lane], false)?,
            None if self.sharing => return None,
            None => self.take(&turn, true)?,
        };
        self.first = (self.first + 1) % count;
        self.sharing |= group.of.shared;
        self.under_way += 1;
        Some(group)
    }

    /// A commit has ended.
    pub(super) fn ended(&mut self, of: &Of) {
        for &lane in &of.lanes {
            self.lanes[lane].busy = false;
        }
        if of.shared {
            self.sharing = false;
        }
        self.under_way -= 1;
    }

    /// What waits in those of the lanes that have no commit under way, up to the limits of one commit.
    fn take(&mut self, lanes: &[usize], shared: bool) -> Option<Group> {
        let (mut jobs, mut taken) = (Vec::new(), Vec::new());
        let (mut entries, mut bytes) = (0, 0);
        for &lane in lanes {
            let queue = &mut self.lanes[lane];
            if queue.busy {
                continue;
            }
            let before = jobs.len();
            while entries < COMMIT_ENTRIES_ENOUGH && bytes < COMMIT_BYTES_ENOUGH {
                let Some(job) = queue.jobs.pop_front() else { break };
                queue.entries -= job.entries.len();
                entries += job.entries.len();
                bytes += job.bytes;
                jobs.push(job);
            }
            if jobs.len() > before {
                queue.busy = true;
                taken.push(lane);
            }
        }
        let of = Of { lanes: taken, shared };
        (!jobs.is_empty()).then_some(Group { jobs, of })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entries, idle};
    use super::super::{Job, WhenFull};
    use super::*;
    use futures_util::FutureExt as _;
    use kernel::Partition;

    /// A call with so many entries of partition `n`.
    fn job(n: i16, count: usize) -> Job {
        let (committer, mut jobs) = idle(1);
        let mut one = entries(10);
        one[0].partition = Partition::new(n).unwrap();
        let all = one.iter().cycle().take(count).cloned().collect();
        assert!(committer.append(all, WhenFull::Refuse).now_or_never().is_none(), "it waits");
        jobs.try_recv().unwrap()
    }

    fn schedule(lanes: Lanes, jobs: &[(i16, usize)]) -> Schedule {
        let mut schedule = Schedule::new(lanes);
        jobs.iter().for_each(|(partition, count)| schedule.queue(job(*partition, *count)));
        schedule
    }

    fn partitions(group: &Group) -> Vec<i16> {
        group.jobs.iter().map(|job| job.partition.get()).collect()
    }

    #[test]
    fn little_work_of_all_lanes_is_one_commit_and_what_comes_meanwhile_the_next() {
        let mut schedule = schedule(Lanes::Shared(4), &[(0, 1), (1, 2), (2, 3), (4, 1)]);
        let first = schedule.next().unwrap();
        let mut all = partitions(&first);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 4]);
        schedule.queue(job(3, 1));
        schedule.queue(job(1, 1));
        assert!(schedule.next().is_none(), "while it is under way all queue");
        schedule.ended(&first.of);
        assert_eq!(schedule.next().unwrap().jobs.len(), 2);
    }

    #[test]
    fn a_lane_that_fills_a_commit_goes_alone_and_keeps_its_order() {
        let mut schedule = schedule(Lanes::Shared(4), &[(0, 1)]);
        let shared = schedule.next().unwrap();
        schedule.queue(job(1, 500));
        schedule.queue(job(5, 500));
        schedule.queue(job(4, 500));
        let alone = schedule.next().unwrap();
        assert_eq!(partitions(&alone), [1, 5], "beside the shared one");
        assert!(schedule.next().is_none(), "lane 0 has one under way");
        schedule.ended(&shared.of);
        assert_eq!(partitions(&schedule.next().unwrap()), [4]);
        schedule.queue(job(2, 1));
        assert_eq!(
            partitions(&schedule.next().unwrap()),
            [2],
            "a large commit holds up no small one"
        );
    }

    #[test]
    fn a_commit_that_has_enough_takes_no_further_call() {
        let mut schedule = schedule(Lanes::Shared(1), &[(0, 4_000), (0, 4_000), (0, 4_000)]);
        let first = schedule.next().unwrap();
        assert_eq!(first.jobs.len(), 2);
        schedule.ended(&first.of);
        assert_eq!(schedule.next().unwrap().jobs.len(), 1);
    }

    #[test]
    fn where_partitions_are_apart_no_commit_covers_two() {
        let waiting = [(0, 1), (63, 1), (0, 1), (7, 1)];
        let mut schedule = schedule(Lanes::Apart { at_once: 2 }, &waiting);
        let first = schedule.next().unwrap();
        assert_eq!(partitions(&first), [0, 0]);
        assert_eq!(partitions(&schedule.next().unwrap()), [7]);
        assert!(schedule.next().is_none(), "two are under way");
        schedule.ended(&first.of);
        schedule.queue(job(0, 1));
        assert_eq!(partitions(&schedule.next().unwrap()), [63], "before 0 has its next turn");
    }
}
