//! Retries: claims what is due and sends it again. One step is a function of the time, and is what
//! tests call.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Partition, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::courier::{CLAIM, Courier};
use crate::domain::{Delivery, Endpoint, EndpointId};
use crate::endpoints::Endpoints;
use crate::lanes::Turn;
use crate::sender::{TOTAL, Thread};
use crate::settler::Settler;
use crate::store::{Due, Error, Settlement, Store};

/// How often to look when nothing says that something is due: other replicas may have left work.
const POLL: Duration = Duration::from_secs(1);
/// Between two looks however often it is woken: places come free a thousand times a second, and the store
/// has others to serve.
const BREATH: Duration = Duration::from_millis(5);
/// Deliveries of a partition looked at in one go.
const LOOK: usize = 256;
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
    /// When to look again, if that is soon.
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
        let mut outage = chassis::Outage::default();
        while !self.stop.is_cancelled() {
            let now = self.clock.now();
            let poll = now.plus(POLL);
            let wake = match self.step(now).await {
                Ok(step) => {
                    if outage.is_over() {
                        tracing::info!("due deliveries are found again");
                    }
                    step.next.unwrap_or(poll).min(poll)
                }
                Err(error) => {
                    let error = fault::chain(&error);
                    if outage.is_news(&error) {
                        tracing::warn!(error, "looking for due deliveries failed, trying again");
                    }
                    poll
                }
            };
            tokio::select! {
                () = due.notified() => {}
                () = self.courier.lanes.freed() => {}
                () = self.clock.sleep_until(wake) => {}
                () = self.stop.cancelled() => {}
            }
            tokio::select! {
                () = self.clock.sleep_until(now.plus(BREATH)) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// Takes what is due at `now`, of each partition a share and as far as there are places, and sends it.
    /// Does not wait for answers: [`Worker::idle`] does.
    pub async fn step(&self, now: Timestamp) -> Result<Step, Error> {
        let mut step = Step { claimed: 0, next: None };
        for (partition, earliest) in self.store.agenda(now.plus(POLL)).await? {
            if self.stop.is_cancelled() {
                break;
            }
            let mut next = earliest;
            if earliest <= now {
                let claimed = self.partition(partition, now).await?;
                if claimed == 0 {
                    continue;
                }
                // There may be more.
                next = now;
                step.claimed += claimed;
            }
            step.next = Some(step.next.map_or(next, |soonest| soonest.min(next)));
        }
        Ok(step)
    }

    /// Resolves when everything taken so far has been noted.
    pub async fn idle(&self) {
        self.settler.idle().await;
    }

    async fn partition(&self, partition: Partition, now: Timestamp) -> Result<usize, Error> {
        let waiting = self.store.waiting(partition, now).await?;
        let (of, all) = self.shares(&waiting);
        let due = self.store.due(partition, now, &of).await?;
        let looked_at = due.len();
        let chosen: Vec<(Due, Turn)> = due
            .into_iter()
            .filter_map(|due| {
                let lane = self.courier.lanes.lane(due.id.endpoint);
                let turn = self.courier.lanes.book(&lane)?;
                Some((due, turn))
            })
            .collect();
        if !all || chosen.len() < looked_at {
            self.courier.lanes.want();
        }
        if chosen.is_empty() {
            return Ok(0);
        }
        self.claim(partition, chosen, now).await
    }

    /// How many deliveries to look for of each endpoint that has room, and whether all have. The look is
    /// shared out evenly, so that the backlog of a dead endpoint does not come before everybody else's.
    fn shares(&self, waiting: &[(EndpointId, Timestamp)]) -> (Vec<(EndpointId, u64)>, bool) {
        let lanes = &self.courier.lanes;
        let rooms =
            waiting.iter().map(|(endpoint, _)| (*endpoint, lanes.lane(*endpoint).bookable()));
        let free: Vec<(EndpointId, usize)> = rooms.filter(|(_, room)| *room > 0).collect();
        let all = free.len() == waiting.len();
        let share = (LOOK / free.len().max(1)).max(1);
        let shares = free.into_iter().take(LOOK);
        (shares.map(|(endpoint, room)| (endpoint, room.min(share) as u64)).collect(), all)
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
                        biased;
                        () = stop.cancelled() => return,
                        place = courier.lanes.called(turn) => place,
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
