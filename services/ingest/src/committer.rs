//! Group commit without artificial delay: while one commit is in flight, calls queue; the next takes
//! all of them.
//!
//! A call finds room (`room.rs`), hands its entries over and waits for the answer; when it goes away, its
//! entries are committed all the same. `schedule.rs` says which calls share a commit.

mod dispatch;
mod room;
mod schedule;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chassis::{Outage, attr, trace};
use kernel::{Clock, Partition, TraceContext};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::dispatch::Dispatch;
use self::room::{Room, Waiting};
pub(crate) use self::schedule::Lanes;
use crate::announce::Announcer;
use crate::heads::Heads;
use crate::limits::tallies::Tallies;
use crate::recent::Recent;
use crate::store::{Appended, LedgerWriter, NewEntry};

/// Why entries were not appended.
#[derive(Debug, Clone)]
pub(crate) enum Refused {
    /// The queue is full.
    Overloaded,
    /// The service is stopping.
    Stopping,
    /// The database failed; whether anything was written is told by trying again with the same keys.
    Storage(Arc<db::Error>),
}

/// What happens to entries that find the queue full.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WhenFull<'a> {
    /// They are refused at once: a caller who is owed an answer should not wait for a place in a line.
    Refuse,
    /// They wait, at most until the service stops. For a stream: nothing more is read from it meanwhile, so
    /// its sender is held back by the connection.
    Wait { stop: &'a CancellationToken },
}

/// What a commit answers one call.
pub(crate) struct Committed {
    pub(crate) answers: Vec<Appended>,
    /// The span of the group commit that carried the entries.
    pub(crate) commit: Option<TraceContext>,
}

struct Job {
    entries: Vec<NewEntry>,
    /// Of their records.
    bytes: usize,
    partition: Partition,
    caller: Option<TraceContext>,
    reply: oneshot::Sender<Result<Committed, Refused>>,
    /// Its part of what may wait; given back with the answer.
    _room: Room,
}

/// The way into the ledger. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Committer {
    /// As long as there is room.
    jobs: mpsc::UnboundedSender<Job>,
    waiting: Waiting,
}

/// What a commit works with.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) ledger: LedgerWriter,
    pub(crate) heads: Heads,
    pub(crate) recent: Recent,
    pub(crate) tallies: Tallies,
    pub(crate) announcer: Announcer,
    pub(crate) clock: Arc<dyn Clock>,
    /// Of all lanes: they write to one disk.
    pub(crate) failing: Arc<Mutex<Outage>>,
}

impl Committer {
    /// Starts committing, with up to `calls` waiting. It ends when the last committer is dropped and
    /// everything is written.
    pub(crate) fn start(worker: Worker, lanes: Lanes, calls: usize, tasks: &TaskTracker) -> Self {
        let (sender, jobs) = mpsc::unbounded_channel();
        tasks.spawn(Dispatch::new(worker, lanes).run(jobs));
        Self { jobs: sender, waiting: Waiting::new(calls) }
    }

    /// Appends entries of one workspace and waits until they are on disk.
    pub(crate) async fn append(
        &self,
        entries: Vec<NewEntry>,
        full: WhenFull<'_>,
    ) -> Result<Committed, Refused> {
        let Some(first) = entries.first() else {
            return Ok(Committed { answers: Vec::new(), commit: None });
        };
        let partition = first.partition;
        let bytes = entries.iter().map(|entry| entry.record.len()).sum();
        let room = self.waiting.room(bytes, full).await?;
        let (reply, answer) = oneshot::channel();
        let job = Job { entries, bytes, partition, caller: trace::current(), reply, _room: room };
        self.jobs.send(job).map_err(|_| Refused::Stopping)?;
        answer.await.map_err(|_| Refused::Stopping)?
    }
}

impl Worker {
    /// Commits a group and answers its calls.
    async fn commit(&self, mut group: Vec<Job>) {
        let sizes: Vec<usize> = group.iter().map(|job| job.entries.len()).collect();
        let entries: Vec<NewEntry> =
            group.iter_mut().flat_map(|job| std::mem::take(&mut job.entries)).collect();
        let send = trace::span(attr::SPAN_SEND)
            .kind(trace::Kind::Client)
            .root()
            .links(group.iter().filter_map(|job| job.caller))
            .attr(attr::MESSAGING_SYSTEM, attr::TALLYSTICK)
            .attr(attr::MESSAGING_DESTINATION_NAME, attr::LEDGER)
            .attr(attr::MESSAGING_OPERATION_NAME, "send")
            .attr(attr::MESSAGING_BATCH_MESSAGE_COUNT, entries.len() as i64)
            .start();
        let insert = send
            .child("INSERT event")
            .kind(trace::Kind::Client)
            .attr(attr::DB_QUERY_SUMMARY, "INSERT event")
            .attr(attr::DB_COLLECTION_NAME, "event")
            .attr(attr::DB_OPERATION_NAME, "INSERT")
            .start();
        let mut entries: Arc<[NewEntry]> = entries.into();
        let append = self.ledger.append(Arc::clone(&entries), self.clock.now());
        let outcome = insert.scope(append).await;
        match outcome {
            Ok((answers, moved)) => {
                if self.failing().is_over() {
                    tracing::info!("commits succeed again");
                }
                self.tallies.note(&entries, &answers);
                // Before anybody is told that there is something to read. The commit is over and the
                // entries are nobody else's.
                if self.heads.are_followed()
                    && let Some(entries) = Arc::get_mut(&mut entries)
                {
                    self.recent.keep(entries, &answers);
                }
                self.heads.raise(moved.iter().copied());
                let mut answers = answers.into_iter();
                for (job, size) in group.into_iter().zip(sizes) {
                    let answers = answers.by_ref().take(size).collect();
                    // A caller that went away has its entries on disk and nobody to tell.
                    let _ = job.reply.send(Ok(Committed { answers, commit: send.context() }));
                }
                self.announcer.announce(&moved);
            }
            Err(error) => {
                insert.fail("storage");
                send.fail("storage");
                let cause = fault::chain(&error);
                if self.failing().is_news(&cause) {
                    tracing::error!(error = cause, "commit failed");
                }
                let refused = Refused::Storage(Arc::new(error));
                for job in group {
                    let _ = job.reply.send(Err(refused.clone()));
                }
            }
        }
    }

    fn failing(&self) -> MutexGuard<'_, Outage> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod outage_tests;
#[cfg(test)]
mod tests;
