//! What a support team sends: which step, by whom, about what, how it ended.
//!
//! Values hang together as they do in a team: an intent belongs to a queue, an agent to a queue and a
//! step. All of it is a function of the event's number, so that two runs tell the same story.

use wire::common::v1::{Money, Outcome};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{Event, TaskCompleted, Ticket};

/// Each ticket is classified, then routed or recognised as a duplicate, then answered.
pub(super) const EVENTS_A_TICKET: u64 = 3;

/// A thing that is drawn, and how many times of all those in its list.
type Weighted<T> = (T, u64);

/// A queue and the intents that end up in it.
const QUEUES: [Weighted<(&str, [&str; 3])>; 4] = [
    (("front-line", ["order_status", "account_access", "opening_hours"]), 50),
    (("billing", ["billing", "refund", "invoice_copy"]), 25),
    (("technical", ["technical", "bug_report", "integration"]), 15),
    (("returns", ["return_request", "damaged_item", "late_delivery"]), 10),
];
const CHANNELS: [Weighted<&str>; 3] = [("email", 60), ("chat", 30), ("phone", 10)];
const LANGUAGES: [Weighted<&str>; 4] = [("en", 60), ("nl", 20), ("de", 15), ("fr", 5)];
const SECOND_STEPS: [Weighted<&str>; 2] = [("ticket_routing", 75), ("duplicate_detection", 25)];
const OUTCOMES: [Weighted<Outcome>; 4] = [
    (Outcome::Success, 88),
    (Outcome::NeedsReview, 8),
    (Outcome::Failure, 3),
    (Outcome::Pending, 1),
];
/// What a step cost, EUR 0.001 and more; some pipelines do not say.
const COSTS: [Weighted<Option<i64>>; 4] =
    [(Some(1_000), 30), (Some(4_000), 35), (Some(12_000), 30), (None, 5)];

/// Event `n`, without a key and a time.
pub(super) fn event(n: u64) -> Event {
    let (ticket, step) = (n / EVENTS_A_TICKET, n % EVENTS_A_TICKET);
    // One draw for what the three steps of a ticket share, one for what they do not.
    let (mut shared, mut own) = (Draw::of(ticket), Draw::of(!n));
    let (queue, intents) = shared.pick(&QUEUES);
    let ticket = Ticket {
        ticket_id: format!("T-{ticket:08}"),
        intent: intents[shared.below(3) as usize].to_owned(),
        queue: queue.to_owned(),
        channel: shared.pick(&CHANNELS).to_owned(),
        language: shared.pick(&LANGUAGES).to_owned(),
        ..Default::default()
    };
    let (task_type, agent) = match step {
        0 => ("email_classification", "classifier".to_owned()),
        1 => (own.pick(&SECOND_STEPS), "router".to_owned()),
        _ => ("customer_email_draft", format!("drafter-{}", 1 + own.below(3))),
    };
    let cost = own.pick(&COSTS);
    Event {
        agent_id: format!("{queue}-{agent}"),
        ticket: Some(ticket.into()),
        body: Some(Body::TaskCompleted(Box::new(TaskCompleted {
            task_type: task_type.to_owned(),
            outcome: own.pick(&OUTCOMES).into(),
            duration_ms: i64::try_from(400 + own.below(8_000)).ok(),
            agent_cost: cost.map(|micros| Money { currency_code: "EUR".to_owned(), micros }),
            ..Default::default()
        }))),
        ..Default::default()
    }
}

/// Numbers that look drawn and are the same every time (splitmix64).
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one, less than `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn pick<T: Copy>(&mut self, from: &[Weighted<T>]) -> T {
        let all = from.iter().map(|(_, weight)| weight).sum();
        let mut at = self.below(all);
        for (what, weight) in from {
            if at < *weight {
                return *what;
            }
            at -= weight;
        }
        // Out of reach: `at` began below the sum of the weights.
        from[0].0
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn step(event: &Event) -> &TaskCompleted {
        match event.body.as_ref().unwrap() {
            Body::TaskCompleted(step) => step,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_team_has_twenty_agents_and_every_kind_of_work() {
        let events: Vec<Event> = (0..30_000).map(event).collect();
        let distinct = |value: &dyn Fn(&Event) -> String| {
            events.iter().map(value).collect::<BTreeSet<_>>().len()
        };
        let ticket = |event: &Event| event.ticket.clone().unwrap();
        assert_eq!(distinct(&|event| event.agent_id.clone()), 20);
        assert_eq!(distinct(&|event| step(event).task_type.clone()), 4);
        assert_eq!(distinct(&|event| ticket(event).intent), 12);
        assert_eq!(distinct(&|event| ticket(event).queue), 4);
        assert_eq!(distinct(&|event| ticket(event).channel), 3);
        assert_eq!(distinct(&|event| ticket(event).language), 4);
        assert_eq!(distinct(&|event| ticket(event).ticket_id), 10_000);
    }

    #[test]
    fn most_steps_succeed_and_few_do_not_say_what_they_cost() {
        let events: Vec<Event> = (0..30_000).map(event).collect();
        let share = |of: &dyn Fn(&TaskCompleted) -> bool| {
            events.iter().filter(|event| of(step(event))).count() * 100 / events.len()
        };
        let mut outcomes = BTreeMap::new();
        for event in &events {
            *outcomes.entry(step(event).outcome).or_insert(0) += 1;
        }
        assert_eq!(outcomes.len(), 4, "each occurs: {outcomes:?}");
        assert!((85..=91).contains(&share(&|step| step.outcome() == Outcome::Success)));
        assert!((3..=7).contains(&share(&|step| step.agent_cost.is_none())));
    }

    #[test]
    fn the_steps_of_a_ticket_agree_on_what_it_is_about() {
        for first in (0..3_000).step_by(3) {
            let [a, b, c] = [0, 1, 2].map(|step| event(first + step));
            assert_eq!(a.ticket, b.ticket);
            assert_eq!(b.ticket, c.ticket);
        }
    }

    #[test]
    fn an_event_is_the_same_every_time() {
        assert_eq!(event(12_345), event(12_345));
    }
}
