//! The first attempts of one batch: sent at once, waited for a moment, and followed up when they take
//! longer, so that an endpoint that hangs costs the others next to nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;
use kernel::{Clock, Timestamp, TraceContext};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::courier::Courier;
use crate::domain::{Answer, DeliveryId, Endpoint};
use crate::lanes::{Lane, Pace};
use crate::sender::Thread;

/// A batch is written at the latest after this, however many answers are still trickling in.
const LONGEST: Duration = Duration::from_secs(1);

/// One event for one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) id: DeliveryId,
    pub(crate) body: Bytes,
    pub(crate) event_trace: Option<TraceContext>,
}

/// Where a job stands when its batch is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It has been answered.
    Answered(Answer),
    /// It was sent; the answer is awaited until this time.
    UnderWay { until: Timestamp },
    /// Its lane was full: the worker sends it.
    Waiting,
}

const QUEUED: u8 = 0;
const SENT: u8 = 1;
const LEFT: u8 = 2;

struct Flight {
    lane: Arc<Lane>,
    phase: Arc<AtomicU8>,
    /// Whether the batch waits for it.
    awaited: bool,
    answer: Option<Answer>,
    until: Timestamp,
}

/// Jobs under way. Kept when the batch could not be written, so that repeating it sends nothing twice.
pub(crate) struct Round {
    flights: HashMap<DeliveryId, Flight>,
    send: mpsc::UnboundedSender<(DeliveryId, Answer)>,
    answers: mpsc::UnboundedReceiver<(DeliveryId, Answer)>,
    stop: CancellationToken,
    /// Cancelled when nobody waits any more: who still stands in line for a place then goes.
    line: CancellationToken,
}

impl Round {
    /// Nothing is under way. After `stop` nothing more is sent.
    pub(crate) fn new(stop: &CancellationToken) -> Self {
        let (send, answers) = mpsc::unbounded_channel();
        let (stop, line) = (stop.clone(), stop.child_token());
        Self { flights: HashMap::new(), send, answers, stop, line }
    }

    /// Sends what has not been sent before. `parent` is the span of the batch.
    pub(crate) fn launch(
        &mut self,
        job: &Job,
        parent: Option<TraceContext>,
        courier: &Arc<Courier>,
        (tasks, until): (&TaskTracker, Timestamp),
    ) {
        if self.flights.contains_key(&job.id) {
            return;
        }
        let lane = courier.lanes.lane(job.endpoint.id);
        let awaited = lane.pace() == Pace::Prompt;
        let stands = awaited || self.stop.is_cancelled();
        let place = if stands { None } else { courier.lanes.try_enter(&lane) };
        let phase = Arc::new(AtomicU8::new(match (awaited, &place) {
            (true, _) => QUEUED,
            (false, Some(_)) => SENT,
            (false, None) => LEFT,
        }));
        let flight = Flight {
            lane: Arc::clone(&lane),
            phase: Arc::clone(&phase),
            awaited,
            answer: None,
            until,
        };
        self.flights.insert(job.id, flight);
        if !awaited && place.is_none() {
            return;
        }
        let (job, courier, send) = (job.clone(), Arc::clone(courier), self.send.clone());
        let line = self.line.clone();
        tasks.spawn(async move {
            let place = match place {
                Some(place) => place,
                None => {
                    let place = tokio::select! {
                        biased;
                        () = line.cancelled() => return,
                        place = courier.lanes.enter(&lane) => place,
                    };
                    if phase
                        .compare_exchange(QUEUED, SENT, Ordering::AcqRel, Ordering::Acquire)
                        .is_err()
                    {
                        return;
                    }
                    place
                }
            };
            let thread = Thread { parent, event: job.event_trace, previous: None, resend: 0 };
            let parcel = (job.id, job.body);
            let answer = courier.attempt(&job.endpoint, &lane, parcel, thread).await;
            drop(place);
            if let Some(answer) = answer {
                // Nobody listens when the batch went to another replica.
                let _ = send.send((job.id, answer));
            }
        });
    }

    /// Waits until every awaited job is answered, until none has been for `patience`, for [`LONGEST`], or
    /// until the service stops.
    pub(crate) async fn wait(&mut self, clock: &dyn Clock, patience: Duration) {
        let end = clock.now().plus(LONGEST);
        while self.flights.values().any(|flight| flight.awaited && flight.answer.is_none()) {
            let quiet = clock.now().plus(patience).min(end);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                Some(answered) = self.answers.recv() => self.note(answered),
                () = clock.sleep_until(quiet) => break,
            }
        }
        while let Ok(answered) = self.answers.try_recv() {
            self.note(answered);
        }
        std::mem::replace(&mut self.line, self.stop.child_token()).cancel();
        for flight in self.flights.values_mut().filter(|flight| flight.answer.is_none()) {
            let queued =
                flight.phase.compare_exchange(QUEUED, LEFT, Ordering::AcqRel, Ordering::Acquire);
            if queued == Err(SENT) && flight.awaited {
                flight.lane.dawdles();
            }
            flight.awaited = false;
        }
    }

    /// Where a launched job stands.
    pub(crate) fn fate(&self, id: DeliveryId) -> Fate {
        match self.flights.get(&id) {
            Some(Flight { answer: Some(answer), .. }) => Fate::Answered(answer.clone()),
            Some(flight) if flight.phase.load(Ordering::Acquire) == SENT => {
                Fate::UnderWay { until: flight.until }
            }
            _ => Fate::Waiting,
        }
    }

    /// The answers that are still to come, each once, with the time its claim ends.
    pub(crate) fn late(self) -> Late {
        let Self { flights, answers, .. } = self;
        let until = flights
            .into_iter()
            .filter(|(_, flight)| {
                flight.answer.is_none() && flight.phase.load(Ordering::Acquire) == SENT
            })
            .map(|(id, flight)| (id, flight.until))
            .collect();
        Late { until, answers }
    }

    fn note(&mut self, (id, answer): (DeliveryId, Answer)) {
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.answer = Some(answer);
        }
    }
}

/// Answers of a batch that has been written.
pub(crate) struct Late {
    until: HashMap<DeliveryId, Timestamp>,
    answers: mpsc::UnboundedReceiver<(DeliveryId, Answer)>,
}

impl Late {
    /// How many are awaited.
    pub(crate) fn len(&self) -> usize {
        self.until.len()
    }

    /// The next one; `None` when all have come or were given up.
    pub(crate) async fn next(&mut self) -> Option<(DeliveryId, Timestamp, Answer)> {
        while !self.until.is_empty() {
            let (id, answer) = self.answers.recv().await?;
            if let Some(until) = self.until.remove(&id) {
                return Some((id, until, answer));
            }
        }
        None
    }
}
