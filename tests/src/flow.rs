//! A load that corrects itself: of every ten steps one is judged anew and one taken back, as soon as they
//! stand in the ledger.

use std::collections::{BTreeMap, BTreeSet};

use chassis::Channel;
use kernel::Position;
use tonic::Status;
use wire::common::v1::{Money, Outcome};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::{Event, OutcomeRevised, Receipt, Retracted, TaskCompleted, Ticket};

use crate::month::{STEP_COST_MICROS, STEPS};
use crate::{Line, Month, Stage, TRIAGE_AGENT, track};

/// Which of ten steps turns out to be a failure, and which a mistake.
const FAILED: u32 = 3;
const RETRACTED: u32 = 7;
/// So that tickets, three steps each, lie over the whole month.
const TICKET_SECONDS: i64 = 7 * 432;

/// What one entry adds to the figures of its workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    pub seq: i64,
    pub events: i64,
    pub failures: i64,
}

/// The load of one workspace, and what it must come to.
pub struct Flow {
    pub stage: Stage,
    /// Freshness token of the last entry; empty before the first.
    pub position: String,
    ingest: IngestServiceClient<Channel>,
    sent: u32,
}

impl Flow {
    /// Nothing is sent yet.
    pub fn new(stage: &Stage) -> Self {
        let ingest = IngestServiceClient::new(stage.channel(&stage.addresses.ingest()));
        Self { stage: stage.clone(), position: String::new(), ingest, sent: 0 }
    }

    /// Sends the next `count` steps and then what corrects them.
    ///
    /// # Errors
    /// The first call that failed.
    pub async fn batch(&mut self, count: u32) -> Result<Vec<Effect>, Status> {
        let steps: Vec<u32> = (self.sent..self.sent + count).collect();
        self.sent += count;
        let events = steps.iter().map(|n| step(*n)).collect();
        let mut receipts = track(&mut self.ingest, &self.stage, events).await?;
        let corrections: Vec<Event> =
            steps.iter().zip(&receipts).filter_map(|(n, r)| correction(*n, r)).collect();
        let mut effects: Vec<Effect> =
            receipts.iter().map(|receipt| effect(receipt, 1, 0)).collect();
        if !corrections.is_empty() {
            let failed = |event: &Event| matches!(event.body, Some(Body::OutcomeRevised(_)));
            let failed: Vec<bool> = corrections.iter().map(failed).collect();
            receipts = track(&mut self.ingest, &self.stage, corrections).await?;
            effects.extend(receipts.iter().zip(failed).map(|(receipt, failed)| {
                if failed { effect(receipt, 0, 1) } else { effect(receipt, -1, 0) }
            }));
        }
        if let Some(last) = receipts.last() {
            self.position.clone_from(&last.position);
        }
        Ok(effects)
    }

    /// What everything sent so far comes to, in all and by task type.
    pub fn expected(&self) -> (Line, BTreeMap<String, Line>) {
        let (mut whole, mut by_type) = (Sum::default(), BTreeMap::<String, Sum>::new());
        for n in (0..self.sent).filter(|n| n % 10 != RETRACTED) {
            let (task_type, minutes) = STEPS[n as usize % STEPS.len()];
            for sum in [&mut whole, by_type.entry(task_type.to_owned()).or_default()] {
                sum.events += 1;
                sum.tickets.insert(n / 3);
                sum.minutes += if n % 10 == FAILED { 0 } else { minutes };
            }
        }
        let by_type = by_type.into_iter().map(|(task_type, sum)| (task_type, sum.line()));
        (whole.line(), by_type.collect())
    }
}

#[derive(Default)]
struct Sum {
    events: i64,
    minutes: i64,
    tickets: BTreeSet<u32>,
}

impl Sum {
    fn line(&self) -> Line {
        // EUR 85 an hour, rounded once: thirds of a millionth are never in the middle.
        let cost_saved = (self.minutes * 85_000_000 + 30) / 60;
        let agent_cost = self.events * STEP_COST_MICROS;
        Line {
            events: self.events,
            tickets: i64::try_from(self.tickets.len()).expect("fewer than 2^63"),
            saved_ms: self.minutes * 60_000,
            cost_saved,
            agent_cost,
            net_saved: cost_saved - agent_cost,
        }
    }
}

fn step(n: u32) -> Event {
    let (task_type, _) = STEPS[n as usize % STEPS.len()];
    let done = TaskCompleted {
        task_type: task_type.to_owned(),
        outcome: Outcome::Success.into(),
        agent_cost: Some(Money { currency_code: "EUR".to_owned(), micros: STEP_COST_MICROS }),
        ..Default::default()
    };
    let (start, _) = Month::start().parts();
    let (end, _) = Month::end().parts();
    let seconds = start + i64::from(n / 3) * TICKET_SECONDS % (end - start);
    Event {
        idempotency_key: format!("step:{n}"),
        occurred_time: Some(wire::Timestamp { seconds, nanos: 0 }),
        agent_id: TRIAGE_AGENT.to_owned(),
        ticket: Some(Box::new(Ticket { ticket_id: format!("T-{}", n / 3), ..Default::default() })),
        body: Some(Body::TaskCompleted(done.into())),
        ..Default::default()
    }
}

fn correction(n: u32, receipt: &Receipt) -> Option<Event> {
    let event_id = receipt.event_id.clone();
    let body = match n % 10 {
        FAILED => {
            let outcome = Outcome::Failure.into();
            Body::OutcomeRevised(OutcomeRevised { event_id, outcome, ..Default::default() })
        }
        RETRACTED => Body::Retracted(Retracted { event_id, reason: "a test".to_owned() }),
        _ => return None,
    };
    Some(Event {
        idempotency_key: format!("correction:{n}"),
        agent_id: TRIAGE_AGENT.to_owned(),
        body: Some(body),
        ..Default::default()
    })
}

fn effect(receipt: &Receipt, events: i64, failures: i64) -> Effect {
    let position: Position = receipt.position.parse().expect("ingest gave this position");
    Effect { seq: position.seq, events, failures }
}
