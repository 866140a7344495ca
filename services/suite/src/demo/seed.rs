//! The seed month: 200 tickets a day for 30 days, three steps each, and an agent that fails.

use std::time::Duration;

use kernel::{Timestamp, Window};
use wire::common::v1::{Money, Outcome};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{Event, TaskCompleted, Ticket};

pub(crate) const TRIAGE_AGENT: &str = "support-triage";
/// Another agent, so that its failures stand apart from the month.
pub(crate) const FAILING_AGENT: &str = "support-triage-beta";
/// Enough for a spike: five failures are what an operator wants to hear of.
pub(crate) const FAILURES: u64 = 5;

const DAYS: u64 = 30;
const TICKETS_A_DAY: u64 = 200;
const DAY: Duration = Duration::from_secs(86_400);
/// Tickets arrive evenly from 07:00 on, four minutes apart.
const OPENING: Duration = Duration::from_secs(7 * 3_600);
const APART: Duration = Duration::from_secs(240);
/// The seed document: EUR 0.012 a step.
const STEP_COST_MICROS: i64 = 12_000;
const STEPS: [(&str, Duration); 3] = [
    ("email_classification", Duration::ZERO),
    ("ticket_routing", Duration::from_secs(5)),
    ("customer_email_draft", Duration::from_secs(20)),
];
/// What tickets are about, and how often: the intents of the seed documents.
const INTENTS: [&str; 5] = ["order_status", "billing", "account_access", "technical", "refund"];

/// Thirty days that end before `created`, at midnight UTC. Derived from when the workspace was created,
/// so that every run of the demo tells the same story.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Month {
    pub(crate) window: Window,
}

impl Month {
    pub(crate) fn before(created: Timestamp) -> Self {
        let micros_a_day = i64::try_from(DAY.as_micros()).expect("a day fits");
        let midnight = created.micros().div_euclid(micros_a_day) * micros_a_day;
        let end = Timestamp::from_micros(midnight);
        let start = end.minus(DAY * DAYS as u32);
        Self { window: Window::new(start, end).expect("thirty days are not empty") }
    }

    /// How many events [`Self::events`] gives.
    pub(crate) const fn len() -> u64 {
        DAYS * TICKETS_A_DAY * STEPS.len() as u64 + FAILURES
    }

    /// All events in the order they happened, the failures last.
    pub(crate) fn events(self) -> impl Iterator<Item = Event> {
        let start = self.window.start();
        let month = (0..DAYS * TICKETS_A_DAY).flat_map(move |ticket| {
            let (day, nth) = (ticket / TICKETS_A_DAY, ticket % TICKETS_A_DAY);
            let opened = start.plus(DAY * day as u32).plus(OPENING).plus(APART * nth as u32);
            STEPS
                .into_iter()
                .map(move |(task_type, later)| step(ticket, task_type, opened.plus(later)))
        });
        let last_day = self.window.end().minus(DAY).plus(Duration::from_secs(23 * 3_600));
        let failures =
            (0..FAILURES).map(move |n| failure(n, last_day.plus(Duration::from_secs(10 * n))));
        month.chain(failures)
    }
}

fn step(ticket: u64, task_type: &str, at: Timestamp) -> Event {
    let intent = INTENTS[(ticket % INTENTS.len() as u64) as usize];
    Event {
        idempotency_key: format!("demo:{ticket}:{task_type}"),
        ..event(TRIAGE_AGENT, task_type, Outcome::Success, at, ticket, intent)
    }
}

fn failure(n: u64, at: Timestamp) -> Event {
    Event {
        idempotency_key: format!("demo:failure:{n}"),
        // Tickets of the last day, on which another agent tried again.
        ..event(FAILING_AGENT, "customer_email_draft", Outcome::Failure, at, 5_990 + n, "refund")
    }
}

fn event(
    agent: &str,
    task_type: &str,
    outcome: Outcome,
    at: Timestamp,
    ticket: u64,
    intent: &str,
) -> Event {
    Event {
        occurred_time: Some(at.parts().into()),
        agent_id: agent.to_owned(),
        ticket: Some(Box::new(Ticket {
            ticket_id: format!("T-{:05}", ticket + 1),
            intent: intent.to_owned(),
            queue: "front-line".to_owned(),
            channel: "email".to_owned(),
            language: "en".to_owned(),
            ..Default::default()
        })),
        body: Some(Body::TaskCompleted(Box::new(TaskCompleted {
            task_type: task_type.to_owned(),
            outcome: outcome.into(),
            agent_cost: Some(Money { currency_code: "EUR".to_owned(), micros: STEP_COST_MICROS }),
            ..Default::default()
        }))),
        ..Default::default()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn month() -> Month {
        Month::before("2026-03-15T10:20:30Z".parse().unwrap())
    }

    #[test]
    fn the_month_is_18_000_steps_of_6_000_tickets_inside_its_window() {
        let month = month();
        let events: Vec<Event> = month.events().collect();
        assert_eq!(events.len() as u64, Month::len());
        let triage = || events.iter().filter(|e| e.agent_id == TRIAGE_AGENT);
        assert_eq!(triage().count(), 18_000);
        let tickets: BTreeSet<_> =
            triage().map(|e| &e.ticket.as_ref().unwrap().ticket_id).collect();
        assert_eq!(tickets.len(), 6_000);
        for event in &events {
            let at = event.occurred_time.unwrap();
            assert!(month.window.contains(Timestamp::from_parts(at.seconds, at.nanos)));
        }
    }

    #[test]
    fn every_event_has_a_key_of_its_own_and_the_same_in_every_run() {
        let keys: BTreeSet<String> = month().events().map(|e| e.idempotency_key).collect();
        assert_eq!(keys.len() as u64, Month::len());
        assert!(month().events().eq(month().events()));
    }
}
