//! Retries: claims what is due and sends it again. One step is a function of the time, and is what
//! tests call.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Partition, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::courier::{CLAIM, Courier};
use crate::domain::{Delivery, Endpoint};
use crate::endpoints::Endpoints;
use crate::lanes::Turn;
use crate::sender::{TOTAL, Thread};
use crate::settler::Settler;
use crate::store::{Due, Error, Settlement, Store};

/// How often to look when nothing says that something is due: other replicas may have left work.
const POLL: Duration = Duration::from_secs(1);
/// Deliveries looked at in one go.
const LOOK: u64 = 256;
/// A retry within this belongs to the trace of the first attempt; a later one begins its own.
const SAME_TRACE: Duration = Duration::from_secs(3_600);

/// Sends what is due.
pub struct Worker {
    store: Arc<dyn Store>,
    endpoints: Arc<Endpoints>,
    courier: Arc<Courier>,
    settler: Settler,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Deliveries taken.
    pub claimed: usize,
    /// When the next one is due, if that is soon.
    pub next: Option<Timestamp>,
}

impl Worker {
    /// Works on the tasks of `context` until it stops.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        endpoints: Arc<Endpoints>,
        courier: Arc<Courier>,
        settler: Settler,
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
        }
    }

    /// Steps until the service stops; at once whenever `due` is notified.
    pub async fn run(self, due: Arc<Notify>) {
        while !self.stop.is_cancelled() {
            let now = self.clock.now();
            let poll = now.plus(POLL);
            let wake = match self.step(now).await {
                Ok(step) => step.next.unwrap_or(poll).min(poll),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "looking for due deliveries failed, trying again");
                    poll
                }
            };
            tokio::select! {
                () = due.notified() => {}
                () = self.courier.lanes.freed() => {}
                () = self.clock.sleep_until(wake) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// Takes what is due at `now`, as far as there are places, and sends it. Does not wait for answers:
    /// [`Worker::idle`] does.
    pub async fn step(&self, now: Timestamp) -> Result<Step, Error> {
        let mut step = Step { claimed: 0, next: None };
        for (partition, earliest) in self.store.agenda(now.plus(POLL)).await? {
            if earliest > now {
                step.next = Some(step.next.map_or(earliest, |next| next.min(earliest)));
            } else {
                step.claimed += self.partition(partition, now).await?;
            }
        }
        Ok(step)
    }

    /// Resolves when everything taken so far has been noted.
    pub async fn idle(&self) {
        self.settler.idle().await;
    }

    async fn partition(&self, partition: Partition, now: Timestamp) -> Result<usize, Error> {
        let mut claimed = 0;
        loop {
            let due = self.store.due(partition, now, &self.courier.lanes.full(), LOOK).await?;
            let looked_at = due.len();
            let chosen: Vec<(Due, Turn)> = due
                .into_iter()
                .filter_map(|due| {
                    let lane = self.courier.lanes.lane(due.id.endpoint);
                    let turn = self.courier.lanes.book(&lane)?;
                    Some((due, turn))
                })
                .collect();
            if chosen.len() < looked_at {
                self.courier.lanes.want();
            }
            if chosen.is_empty() {
                return Ok(claimed);
            }
            claimed += self.claim(partition, chosen, now).await?;
            if looked_at < LOOK as usize {
                return Ok(claimed);
            }
        }
    }

    async fn claim(
        &self,
        partition: Partition,
        chosen: Vec<(Due, Turn)>,
        now: Timestamp,
    ) -> Result<usize, Error> {
        let until = now.plus(CLAIM);
        let wanted: Vec<_> = chosen.iter().map(|(due, _)| (due.id, due.due)).collect();
        let claimed = self.store.claim(partition, &wanted, until).await?;
        for (due, turn) in chosen {
            // What another replica was faster to take is its to send.
            if claimed.contains(&due.id) {
                let endpoint = self.endpoints.find(due.workspace, due.id.endpoint).await?;
                self.deliver(partition, due, until, (endpoint, turn));
            }
        }
        Ok(claimed.len())
    }

    fn deliver(
        &self,
        partition: Partition,
        due: Due,
        claimed: Timestamp,
        (endpoint, turn): (Option<Arc<Endpoint>>, Turn),
    ) {
        let (courier, settler, clock) =
            (Arc::clone(&self.courier), self.settler.clone(), Arc::clone(&self.clock));
        let (open, stop) = (settler.open(), self.stop.clone());
        self.tasks.spawn(async move {
            let id = due.id;
            let pending = Delivery::Pending { attempts: due.attempts, due: claimed };
            let (state, answer) = match endpoint {
                Some(endpoint) => {
                    let _place = tokio::select! {
                        place = courier.lanes.called(turn) => place,
                        () = stop.cancelled() => return,
                    };
                    if clock.now().plus(TOTAL) > claimed {
                        // It stood in line for too long: the claim might end before the attempt does.
                        return;
                    }
                    let lane = courier.lanes.lane(id.endpoint);
                    let (thread, parcel) = (thread(&due, clock.now()), (id, due.body));
                    let Some(answer) = courier.attempt(&endpoint, &lane, parcel, thread).await
                    else {
                        return;
                    };
                    (courier.after(pending, &answer), Some(answer))
                }
                // Switched off or deleted since: nobody is there to take it.
                None => (pending.abandoned(clock.now()), None),
            };
            let state = state.expect("a claimed delivery is pending");
            settler.settle(partition, Settlement { id, claimed, state, answer }, open).await;
        });
    }
}

fn thread(due: &Due, now: Timestamp) -> Thread {
    let same = now.since(due.created) <= SAME_TRACE;
    Thread {
        parent: due.attempt_trace.filter(|_| same),
        event: due.event_trace,
        previous: due.attempt_trace,
        resend: due.attempts,
    }
}
