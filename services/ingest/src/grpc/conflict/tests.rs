//! What is named of two events, and what is not.

use kernel::{Currency, Partition};
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};
use wire::common::v1::{Money, Outcome};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{TaskCompleted, Ticket};

use super::super::defaults::{body_hash, fill_currency, fill_ticket};
use super::*;

fn task(change: impl FnOnce(&mut TaskCompleted)) -> Event {
    let mut body = TaskCompleted {
        task_type: "email_classification".into(),
        outcome: Outcome::Success.into(),
        agent_cost: Some(Money { currency_code: String::new(), micros: 7 }),
        ..Default::default()
    };
    change(&mut body);
    let (idempotency_key, agent_id) = ("k".into(), "support".into());
    let body = Some(Body::TaskCompleted(body.into()));
    Event { idempotency_key, agent_id, body, ..Default::default() }
}

fn with(change: impl FnOnce(&mut Event)) -> Event {
    let mut event = task(|_| {});
    change(&mut event);
    event
}

/// As it stands in the ledger when it came at `second`, and the hash of what was sent.
fn taken_in(mut event: Event, second: i64) -> (Event, Fingerprint) {
    let hash = body_hash(&mut event);
    event.occurred_time.get_or_insert(wire::Timestamp { seconds: second, nanos: 0 });
    fill_ticket(&mut event);
    fill_currency(&mut event, Currency::EUR);
    (event, hash)
}

fn named(first: Event, second: Event) -> Vec<String> {
    let (first, second) = (taken_in(first, 1), taken_in(second, 2));
    differing((&first.0, first.1), (&second.0, second.1))
}

#[test]
fn each_field_that_differs_is_named_by_its_path_and_no_other() {
    let other = with(|event| {
        event.agent_id = "sales".into();
        let Some(Body::TaskCompleted(body)) = &mut event.body else { panic!("a task") };
        body.outcome = Outcome::Failure.into();
        body.duration_ms = Some(0);
        body.agent_cost.as_mut().unwrap().micros = 8;
    });
    assert_eq!(
        named(task(|_| {}), other),
        [
            "agent_id",
            "task_completed.agent_cost.micros",
            "task_completed.duration_ms",
            "task_completed.outcome"
        ]
    );
}

#[test]
fn what_was_left_out_twice_is_no_difference_whatever_it_was_filled_with() {
    // They came a second apart.
    assert_eq!(
        named(task(|_| {}), task(|b| b.language = "nl".into())),
        ["task_completed.language"]
    );
    assert_eq!(named(task(|_| {}), task(|_| {})), Vec::<String>::new());
}

#[test]
fn what_was_said_once_is_a_difference_even_where_it_is_what_was_filled_in() {
    let at_once =
        with(|event| event.occurred_time = Some(wire::Timestamp { seconds: 1, nanos: 0 }));
    assert_eq!(named(task(|_| {}), at_once.clone()), ["occurred_time"]);
    assert_eq!(named(at_once, task(|_| {})), ["occurred_time"]);
    let in_euros = task(|b| b.agent_cost.as_mut().unwrap().currency_code = "EUR".into());
    assert_eq!(named(task(|_| {}), in_euros), ["task_completed.agent_cost.currency_code"]);
}

#[test]
fn metadata_is_named_without_its_keys_which_may_be_a_customers_words() {
    let queue = |queue: &str| {
        with(|event| {
            event.metadata.insert("queue".into(), queue.into());
        })
    };
    assert_eq!(named(queue("a"), queue("b")), ["metadata"], "and not what it filled in");
    assert_eq!(named(queue("a"), task(|_| {})), ["metadata"]);
    let ticket = Some(Ticket { queue: "a".into(), ..Default::default() }.into());
    let said_in_ticket = with(|event| event.ticket = ticket.clone());
    assert_eq!(named(said_in_ticket.clone(), queue("a")), ["metadata", "ticket"]);
    let elsewhere = Event {
        ticket: Some(Box::new(Ticket {
            queue: "a".into(),
            ticket_id: "T-1".into(),
            ..Default::default()
        })),
        ..said_in_ticket.clone()
    };
    assert_eq!(named(said_in_ticket, elsewhere), ["ticket.ticket_id"]);
}

#[test]
fn another_kind_of_event_is_named_by_both_kinds() {
    let call = with(|event| event.body = Some(Body::LlmCall(Box::default())));
    assert_eq!(named(task(|_| {}), call), ["llm_call", "task_completed"]);
}

#[test]
fn where_it_cannot_be_told_what_was_sent_that_which_stands_is_compared() {
    let precise =
        with(|event| event.occurred_time = Some(wire::Timestamp { seconds: 1, nanos: 1 }));
    let (mut first, hash) = taken_in(precise, 1);
    // The ledger keeps microseconds.
    first.occurred_time.as_mut().unwrap().nanos = 0;
    let second = taken_in(task(|b| b.outcome = Outcome::Failure.into()), 2);
    assert_eq!(
        differing((&first, hash), (&second.0, second.1)),
        ["occurred_time", "task_completed.outcome"]
    );
}

#[test]
fn no_more_are_listed_than_one_reads_and_no_value_is_said() {
    let many: Vec<String> = (0..17).map(|n| format!("f{n}")).collect();
    assert!(listed(&many, ",").ends_with(",f15,…"), "{}", listed(&many, ","));
    assert!(listed(&many[..16], ",").ends_with(",f15"));

    let secret = with(|event| {
        event.agent_id = "hunter2".into();
        event.metadata.insert("hunter2".into(), "hunter2".into());
    });
    let (first, second) = (taken_in(task(|_| {}), 1), taken_in(secret, 1));
    let record = |event| LedgerRecord { event: Some(event), ..Default::default() };
    let position = Position { partition: Partition::new(3).unwrap(), seq: 4 };
    let fault = fault(position, (&record(first.0), first.1), (&record(second.0), second.1));
    let fields = fault.metadata().iter().find(|(key, _)| *key == "fields");
    assert_eq!(fields.map(|(_, value)| value.as_str()), Some("agent_id,metadata"));
    assert!(fault.public().contains("differs in agent_id, metadata;"), "{}", fault.public());
    assert!(!format!("{:?} {}", fault.metadata(), fault.public()).contains("hunter2"));
}

#[test]
fn every_field_of_an_event_is_spelled_as_the_contract_does_and_only_metadata_has_keys() {
    let pool = DescriptorPool::decode(wire::DESCRIPTOR_SET).unwrap();
    let mut left = vec![pool.get_message_by_name("tally.ingest.v1.Event").unwrap()];
    let mut seen = std::collections::HashSet::<String>::new();
    while let Some(message) = left.pop() {
        if !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        for field in message.fields() {
            assert_eq!(spelled(field.json_name()), field.name());
            assert_eq!(field.is_map(), field.full_name() == "tally.ingest.v1.Event.metadata");
            left.extend(nested(field.kind()));
        }
    }
    assert!(seen.len() > 25, "{seen:?}");
}

fn nested(kind: Kind) -> Option<MessageDescriptor> {
    match kind {
        Kind::Message(message)
            if message.full_name().starts_with("tally.") && !message.is_map_entry() =>
        {
            Some(message)
        }
        _ => None,
    }
}
