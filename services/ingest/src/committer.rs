//! Group commit without artificial delay: while one commit is in flight, calls queue; the next takes
//! all of them.
//!
//! Each lane is one task that owns some partitions of this replica. A call hands its entries over and
//! waits for the answer; when it goes away, its entries are committed all the same.

use std::sync::Arc;

use chassis::{attr, trace};
use db::Db;
use kernel::{Clock, Position, TraceContext};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::announce::Announcer;
use crate::heads::Heads;
use crate::store::{self, Appended, Expect, NewEntry};

/// Entries of one commit: past this a bigger batch gains nothing and holds the head rows longer.
const COMMIT_ENTRIES_MAX: usize = 4_096;
/// What may wait for a commit, in KiB of records: a second's work, and all the memory a queue can take.
const WAITING_KIB_MAX: usize = 16 * 1024;
/// What of it those may take who wait for room. They stand in line for it, so without a share of their own
/// they would leave none to those who do not wait.
const PATIENT_KIB_MAX: usize = WAITING_KIB_MAX / 2;
/// Bytes of one commit, so that a few large events cannot make a huge statement.
const COMMIT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Commits that look for repeats first, once one was met.
const WARY_COMMITS: u32 = 16;

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
    caller: Option<TraceContext>,
    reply: oneshot::Sender<Result<Committed, Refused>>,
    /// Its part of what may wait; given back with the answer.
    _room: Room,
}

struct Room {
    _of_all: OwnedSemaphorePermit,
    _of_the_patient: Option<OwnedSemaphorePermit>,
}

/// The way into the ledger. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Committer {
    lanes: Arc<[mpsc::Sender<Job>]>,
    room: Arc<Semaphore>,
    patient: Arc<Semaphore>,
}

/// What every lane works with.
#[derive(Clone)]
pub(crate) struct Lane {
    pub(crate) db: Db,
    pub(crate) heads: Heads,
    pub(crate) announcer: Announcer,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Committer {
    /// Starts `lanes` tasks. They end when the last committer is dropped and the queue is empty.
    pub(crate) fn start(lane: &Lane, lanes: usize, queue: usize, tasks: &TaskTracker) -> Self {
        let lanes = (0..lanes.max(1)).map(|_| {
            let (sender, jobs) = mpsc::channel(queue.max(1));
            tasks.spawn(lane.clone().run(jobs));
            sender
        });
        Self {
            lanes: lanes.collect(),
            room: Arc::new(Semaphore::new(WAITING_KIB_MAX)),
            patient: Arc::new(Semaphore::new(PATIENT_KIB_MAX)),
        }
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
        let lane = usize::from(first.workspace.partition().get().unsigned_abs()) % self.lanes.len();
        let bytes: usize = entries.iter().map(|entry| entry.record.len()).sum();
        let kib = bytes / 1024 + 1;
        let (room, slot) = match full {
            WhenFull::Refuse => self.room_now(lane, kib)?,
            WhenFull::Wait { stop } => tokio::select! {
                // Room that is there is taken, whether the service stops or not.
                biased;
                room = self.room_in_time(lane, kib) => room?,
                () = stop.cancelled() => return Err(Refused::Stopping),
            },
        };
        let (reply, answer) = oneshot::channel();
        slot.send(Job { caller: trace::current(), entries, reply, _room: room });
        answer.await.map_err(|_| Refused::Stopping)?
    }

    fn room_now(&self, lane: usize, kib: usize) -> Result<(Room, Slot<'_>), Refused> {
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(kib);
        let _of_all = room.map_err(|_| Refused::Overloaded)?;
        let slot = self.lanes[lane].try_reserve().map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(()) => Refused::Overloaded,
            mpsc::error::TrySendError::Closed(()) => Refused::Stopping,
        })?;
        Ok((Room { _of_all, _of_the_patient: None }, slot))
    }

    async fn room_in_time(&self, lane: usize, kib: usize) -> Result<(Room, Slot<'_>), Refused> {
        // More than there is would be waited for for ever.
        let kib = u32::try_from(kib.min(PATIENT_KIB_MAX)).unwrap_or(u32::MAX);
        let acquire = async |of: &Arc<Semaphore>| {
            Arc::clone(of).acquire_many_owned(kib).await.map_err(|_| Refused::Stopping)
        };
        let _of_the_patient = Some(acquire(&self.patient).await?);
        let _of_all = acquire(&self.room).await?;
        let slot = self.lanes[lane].reserve().await.map_err(|_| Refused::Stopping)?;
        Ok((Room { _of_all, _of_the_patient }, slot))
    }
}

type Slot<'a> = mpsc::Permit<'a, Job>;

impl Lane {
    async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        // Repeats come in bursts, when somebody sends a file again; most commits hold none.
        let mut wary = 0;
        while let Some(first) = jobs.recv().await {
            let group = gather(first, &mut jobs);
            let expect = if wary > 0 { Expect::Repeats } else { Expect::NewEntries };
            let met = self.commit(group, expect).await;
            wary = if met { WARY_COMMITS } else { wary.saturating_sub(1) };
        }
    }

    /// Commits a group; says whether entries stood already.
    async fn commit(&self, mut group: Vec<Job>, expect: Expect) -> bool {
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
        let outcome = insert.scope(self.write(entries.into(), expect)).await;
        match outcome {
            Ok((answers, moved)) => {
                let met = answers.iter().any(|answer| !matches!(answer, Appended::New { .. }));
                self.heads.raise(moved.iter().copied());
                let mut answers = answers.into_iter();
                for (job, size) in group.into_iter().zip(sizes) {
                    let answers = answers.by_ref().take(size).collect();
                    // A caller that went away has its entries on disk and nobody to tell.
                    let _ = job.reply.send(Ok(Committed { answers, commit: send.context() }));
                }
                self.announcer.announce(&moved);
                met
            }
            Err(error) => {
                insert.fail("storage");
                send.fail("storage");
                tracing::error!(error = fault::chain(&error), "commit failed");
                let refused = Refused::Storage(Arc::new(error));
                for job in group {
                    let _ = job.reply.send(Err(refused.clone()));
                }
                false
            }
        }
    }

    async fn write(
        &self,
        entries: Arc<[NewEntry]>,
        expect: Expect,
    ) -> Result<(Vec<Appended>, Vec<Position>), db::Error> {
        let written = self.append(Arc::clone(&entries), expect).await;
        match (written, expect) {
            (Err(db::Error::Conflict(_)), Expect::NewEntries) => {
                self.append(entries, Expect::Repeats).await
            }
            (written, _) => written,
        }
    }

    async fn append(
        &self,
        entries: Arc<[NewEntry]>,
        expect: Expect,
    ) -> Result<(Vec<Appended>, Vec<Position>), db::Error> {
        let recorded = self.clock.now();
        self.db
            .write_rows(move |txn| {
                Box::pin(async move { store::append(txn, &entries, recorded, expect).await })
            })
            .await
    }
}

/// The first call and all that wait behind it, up to the limits of one commit.
fn gather(first: Job, jobs: &mut mpsc::Receiver<Job>) -> Vec<Job> {
    let weigh = |job: &Job| job.entries.iter().map(|e| e.record.len()).sum::<usize>();
    let (mut entries, mut bytes) = (first.entries.len(), weigh(&first));
    let mut group = vec![first];
    while entries < COMMIT_ENTRIES_MAX && bytes < COMMIT_BYTES_MAX {
        let Ok(job) = jobs.try_recv() else { break };
        entries += job.entries.len();
        bytes += weigh(&job);
        group.push(job);
    }
    group
}

#[cfg(test)]
mod tests;
