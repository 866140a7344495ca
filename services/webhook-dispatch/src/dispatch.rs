//! The consumer: sends the first attempt straight from the tail, then writes what became of it
//! together with the cursor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chassis::trace;
use kernel::{Clock, Partition, Timestamp};
use tail::{Batch, Checkpoint, Consumer, Entry};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::courier::{CLAIM, Courier};
use crate::domain::{Delivery, DeliveryId, Endpoint, EventType, Verdict};
use crate::endpoints::{Endpoints, Known};
use crate::ledger;
use crate::round::{Fate, Job, Late, Round};
use crate::settler::Settler;
use crate::store::{ENDPOINTS_MAX, NewDelivery, RecordError, Recording, Settlement, Store};

/// Deliveries of one transaction, and first attempts held in memory: on SQLite the one writer is lent out
/// for some tens of milliseconds at most, well below what CreateEndpoint and the leases can wait. More than
/// one event can have ([`ENDPOINTS_MAX`]).
const DELIVERIES_MAX: usize = 1_000;
const _: () = assert!(DELIVERIES_MAX as u64 >= ENDPOINTS_MAX);

/// Consumes the ledger for webhooks.
pub(crate) struct Dispatch {
    store: Arc<dyn Store>,
    endpoints: Arc<Endpoints>,
    courier: Arc<Courier>,
    settler: Settler,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Wakes the worker: something is due now.
    due: Arc<Notify>,
    /// Rounds whose batch could not be written: what they sent is not sent again.
    kept: Mutex<HashMap<Partition, Round>>,
}

impl Dispatch {
    /// `due` is notified when the worker has something to send.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        endpoints: Arc<Endpoints>,
        courier: Arc<Courier>,
        (settler, due): (Settler, Arc<Notify>),
        context: &chassis::Context,
    ) -> Self {
        Self {
            store,
            endpoints,
            courier,
            settler,
            clock: Arc::clone(&context.clock),
            tasks: context.tasks.clone(),
            stop: context.stop.clone(),
            due,
            kept: Mutex::default(),
        }
    }

    async fn dispatch(
        &self,
        batch: &Batch,
        cursor: Checkpoint,
        round: &mut Round,
    ) -> Result<(), tail::Error> {
        loop {
            let known = self.endpoints.of(batch.partition).await?;
            let jobs = plan(batch, &known);
            let until = self.clock.now().plus(CLAIM);
            let parent = trace::current();
            for job in &jobs {
                round.launch(job, parent, &self.courier, (&self.tasks, until));
            }
            round.wait(&*self.clock, self.courier.patience).await;
            let deliveries = self.rows(&jobs, round)?;
            let waiting = deliveries.iter().any(|d| d.answer.is_none());
            let gone =
                |d: &NewDelivery| d.answer.as_ref().is_some_and(|a| a.verdict == Verdict::Gone);
            let switched_off = deliveries.iter().any(gone);
            let recording = Recording { roster: known.version, deliveries };
            match self.store.record(batch.partition, recording, Box::new(cursor)).await {
                Ok(()) => {
                    if switched_off {
                        self.endpoints.forget(batch.partition);
                    }
                    if waiting {
                        self.due.notify_one();
                    }
                    return Ok(());
                }
                // An endpoint was added, or taken away: nobody misses this batch, or gets it in vain.
                Err(RecordError::Stale) => self.endpoints.forget(batch.partition),
                Err(RecordError::Tail(error)) => return Err(error),
            }
        }
    }

    fn rows(&self, jobs: &[Job], round: &Round) -> Result<Vec<NewDelivery>, tail::Error> {
        let now = self.clock.now();
        jobs.iter().map(|job| self.row(job, round.fate(job.id), now)).collect()
    }

    fn row(&self, job: &Job, fate: Fate, now: Timestamp) -> Result<NewDelivery, tail::Error> {
        let (state, answer) = match fate {
            Fate::Answered(answer) => {
                let state = self.courier.after(Delivery::new(now), &answer);
                (state.map_err(|error| tail::Error::Consumer(error.into()))?, Some(answer))
            }
            Fate::UnderWay { until } => (Delivery::new(until), None),
            Fate::Waiting => (Delivery::new(now), None),
        };
        Ok(NewDelivery {
            id: job.id,
            workspace: job.endpoint.workspace,
            event_type: EventType::Tracked,
            state,
            created: now,
            body: job.body.clone(),
            event_trace: job.event_trace,
            answer,
        })
    }

    /// Notes answers as they come, now that their deliveries have rows.
    fn follow_up(&self, partition: Partition, mut late: Late) {
        if late.len() == 0 {
            return;
        }
        let (courier, settler) = (Arc::clone(&self.courier), self.settler.clone());
        let mut open: Vec<_> = (0..late.len()).map(|_| settler.open()).collect();
        self.tasks.spawn(async move {
            while let Some((id, claimed, answer)) = late.next().await {
                let Some(open) = open.pop() else { return };
                let Ok(state) = courier.after(Delivery::new(claimed), &answer) else { continue };
                let settlement = Settlement { id, claimed, state, answer: Some(answer) };
                settler.settle(partition, settlement, open).await;
            }
        });
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<Partition, Round>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Consumer for Dispatch {
    fn name(&self) -> &'static str {
        crate::NAME
    }

    async fn apply(&self, batch: Batch, checkpoint: Checkpoint) -> Result<(), tail::Error> {
        let partition = batch.partition;
        let mut round = self.kept().remove(&partition).unwrap_or_else(|| Round::new(&self.stop));
        let written = self.dispatch(&batch, checkpoint, &mut round).await;
        match &written {
            Ok(()) => self.follow_up(partition, round.late()),
            // Another replica does it now, and sends what this one sent: under the same ids.
            Err(tail::Error::Fenced(_)) => {}
            Err(_) => {
                self.kept().insert(partition, round);
            }
        }
        written
    }

    async fn portion(&self, batch: &Batch) -> Result<usize, tail::Error> {
        let known = self.endpoints.of(batch.partition).await?;
        Ok(portion(batch, &known))
    }
}

/// How many of the first entries make at most [`DELIVERIES_MAX`] deliveries.
fn portion(batch: &Batch, known: &Known) -> usize {
    let mut deliveries = 0;
    let fits = |entry: &&Entry| {
        deliveries += takers(entry, known).map_or(0, |takers| takers.len());
        deliveries <= DELIVERIES_MAX
    };
    batch.entries.iter().take_while(fits).count()
}

/// Who gets what.
fn plan(batch: &Batch, known: &Known) -> Vec<Job> {
    let mut jobs = Vec::new();
    for entry in &batch.entries {
        let Some(takers) = takers(entry, known) else {
            // A defect of ingest, which stores only what it parsed. It must not stop the partition.
            tracing::error!(event = %entry.event_id(), "an entry without an event is delivered to nobody");
            continue;
        };
        let seq = entry.position.seq;
        let mut body = None;
        for endpoint in takers {
            let body = body.get_or_insert_with(|| ledger::payload(entry));
            jobs.push(Job {
                endpoint: Arc::clone(endpoint),
                id: DeliveryId { endpoint: endpoint.id, seq },
                body: body.clone(),
                event_trace: entry.trace,
            });
        }
    }
    jobs
}

/// The endpoints that take an entry; `None` when there are some and the entry has no event.
fn takers<'k>(entry: &Entry, known: &'k Known) -> Option<Vec<&'k Arc<Endpoint>>> {
    let endpoints = known.of(entry.workspace);
    if endpoints.is_empty() {
        return Some(Vec::new());
    }
    let facts = ledger::facts(entry)?;
    let takes = |e: &&Arc<Endpoint>| e.takes(entry.position.seq, EventType::Tracked, &facts);
    Some(endpoints.iter().filter(takes).collect())
}
