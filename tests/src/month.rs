//! The seed month: 200 tickets a day for 30 days, three steps each, and an agent that fails.
//!
//! Written from the seed document, not taken from the demo: two hands, one result.

use std::time::Duration;

use kernel::Timestamp;
use wire::common::v1::{Money, Outcome};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{Event, TaskCompleted, Ticket};

/// The agent of the month.
pub const TRIAGE_AGENT: &str = "support-triage";
/// Another one, whose failures stand apart.
pub(crate) const FAILING_AGENT: &str = "support-triage-beta";

const TICKETS: u32 = 6_000;
/// Evenly over thirty days: 200 a day.
const APART: Duration = Duration::from_secs(432);
/// Each step with the minutes a human needs for it, by the built-in baselines.
pub(crate) const STEPS: [(&str, i64); 3] =
    [("email_classification", 4), ("ticket_routing", 2), ("customer_email_draft", 8)];
/// EUR 0.012 a step.
pub(crate) const STEP_COST_MICROS: i64 = 12_000;
pub(crate) const FAILURES: u32 = 5;

/// The events of the month.
pub struct Month;

impl Month {
    /// 1 January 2026, 00:00 UTC: long past, so that every day of it is.
    pub fn start() -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000)
    }

    /// Thirty days later.
    pub fn end() -> Timestamp {
        Self::start().plus(APART * TICKETS)
    }

    /// 18,000 steps of 6,000 tickets, in the order they happened.
    pub fn steps() -> Vec<Event> {
        (0..TICKETS).flat_map(steps_of).collect()
    }

    /// Five failures of the other agent, on tickets of the last day.
    pub fn failures() -> Vec<Event> {
        let failed = (TICKETS - FAILURES..TICKETS).map(|ticket| {
            let event = step(ticket, FAILING_AGENT, "customer_email_draft", Outcome::Failure);
            Event { idempotency_key: format!("failure:{ticket}"), ..event }
        });
        failed.collect()
    }

    /// Everything.
    pub fn events() -> Vec<Event> {
        [Self::steps(), Self::failures()].concat()
    }
}

fn steps_of(ticket: u32) -> impl Iterator<Item = Event> {
    STEPS.into_iter().map(move |(task_type, _)| {
        let event = step(ticket, TRIAGE_AGENT, task_type, Outcome::Success);
        Event { idempotency_key: format!("step:{ticket}:{task_type}"), ..event }
    })
}

fn step(ticket: u32, agent: &str, task_type: &str, outcome: Outcome) -> Event {
    let (seconds, nanos) = Month::start().plus(APART * ticket).parts();
    let done = TaskCompleted {
        task_type: task_type.to_owned(),
        outcome: outcome.into(),
        agent_cost: Some(Money { currency_code: "EUR".to_owned(), micros: STEP_COST_MICROS }),
        ..Default::default()
    };
    Event {
        occurred_time: Some(wire::Timestamp { seconds, nanos }),
        agent_id: agent.to_owned(),
        ticket: Some(Box::new(Ticket {
            ticket_id: format!("T-{ticket:04}"),
            ..Default::default()
        })),
        body: Some(Body::TaskCompleted(done.into())),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_is_inside_the_month() {
        let events = Month::events();
        assert_eq!(events.len(), 18_005);
        let last =
            events.iter().filter_map(|event| event.occurred_time).max_by_key(|at| at.seconds);
        assert!(last.is_some_and(|at| at.seconds < Month::end().parts().0));
    }
}
