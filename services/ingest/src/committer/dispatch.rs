//! Carries out the schedule: takes calls in, and runs the commits that may begin.

use std::collections::HashMap;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};

use super::schedule::{Lanes, Of, Schedule};
use super::{Job, Worker};

/// Gives out the work of one committer.
pub(super) struct Dispatch {
    worker: Worker,
    schedule: Schedule,
    under_way: JoinSet<()>,
    of: HashMap<Id, Of>,
}

impl Dispatch {
    pub(super) fn new(worker: Worker, lanes: Lanes) -> Self {
        let (schedule, under_way) = (Schedule::new(lanes), JoinSet::new());
        Self { worker, schedule, under_way, of: HashMap::new() }
    }

    /// Ends when all senders are gone and all that was sent is committed.
    pub(super) async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        let mut open = true;
        while open || !self.under_way.is_empty() {
            tokio::select! {
                job = jobs.recv(), if open => match job {
                    Some(job) => self.schedule.queue(job),
                    None => open = false,
                },
                Some(ended) = self.under_way.join_next_with_id() => match ended {
                    Ok((commit, ())) => self.ended(commit),
                    // A defect: those who wait are told that the service is stopping, the lanes go on.
                    Err(panic) => {
                        tracing::error!(error = fault::chain(&panic), "a commit ended early");
                        self.ended(panic.id());
                    }
                },
            }
            while let Ok(job) = jobs.try_recv() {
                self.schedule.queue(job);
            }
            while let Some(group) = self.schedule.next() {
                let worker = self.worker.clone();
                let commit = async move { worker.commit(group.jobs).await };
                self.of.insert(self.under_way.spawn(commit).id(), group.of);
            }
        }
    }

    fn ended(&mut self, commit: Id) {
        if let Some(of) = self.of.remove(&commit) {
            self.schedule.ended(&of);
        }
    }
}
