//! Events as a pipeline sends them, each with a key of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{IdSource, Timestamp};
use wire::common::v1::{Money, Outcome};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{Event, TaskCompleted, Ticket};

const STEPS: [&str; 3] = ["email_classification", "ticket_routing", "customer_email_draft"];
const COST_MICROS: i64 = 12_000;

/// Makes events that were never tracked before. Clones share the count.
#[derive(Clone)]
pub(crate) struct Events {
    run: Arc<str>,
    made: Arc<AtomicU64>,
    occurred: Timestamp,
}

impl Events {
    pub(crate) fn new(ids: &dyn IdSource, occurred: Timestamp) -> Self {
        let run = format!("bench-{:x}", ids.next_i64()).into();
        Self { run, made: Arc::default(), occurred }
    }

    /// The next one: a step of the seed month, 190 bytes or so.
    pub(crate) fn next(&self) -> Event {
        let n = self.made.fetch_add(1, Ordering::Relaxed);
        let step = STEPS[(n % 3) as usize];
        Event {
            idempotency_key: format!("{}-{n}", self.run),
            occurred_time: Some(self.occurred.parts().into()),
            agent_id: "support-triage".to_owned(),
            ticket: Some(Box::new(Ticket {
                ticket_id: format!("T-{:07}", n / 3),
                intent: "order_status".to_owned(),
                queue: "front-line".to_owned(),
                channel: "email".to_owned(),
                language: "en".to_owned(),
                ..Default::default()
            })),
            body: Some(Body::TaskCompleted(Box::new(TaskCompleted {
                task_type: step.to_owned(),
                outcome: Outcome::Success.into(),
                agent_cost: Some(Money { currency_code: "EUR".to_owned(), micros: COST_MICROS }),
                ..Default::default()
            }))),
            ..Default::default()
        }
    }

    /// So many of them.
    pub(crate) fn batch(&self, size: usize) -> Vec<Event> {
        std::iter::repeat_with(|| self.next()).take(size).collect()
    }
}
