//! What the door lets in, and what it says to the rest.

use super::*;
use fault::Fault;
use wire::ingest::v1::{TaskCompleted, TicketResolved};

fn door() -> Door {
    Door {
        workspace: WorkspaceId::new(1).unwrap(),
        currency: Currency::EUR,
        now: "2026-06-01T12:00:00Z".parse().unwrap(),
        past: Some(limits::PAST_MAX),
    }
}

fn simplest() -> Event {
    Event {
        agent_id: "support-triage".into(),
        body: Some(Body::TaskCompleted(Box::new(TaskCompleted {
            task_type: "email_classification".into(),
            outcome: common::Outcome::Success.into(),
            ..Default::default()
        }))),
        ..Default::default()
    }
}

fn parsed(event: Event) -> Result<Parsed<'static>, Violations> {
    static NONE: std::sync::LazyLock<Targets> = std::sync::LazyLock::new(Targets::default);
    super::event(event, &door(), &NONE)
}

fn refused(event: Event) -> Vec<(String, ErrorReason)> {
    let fault = Fault::invalid(parsed(event).err().unwrap());
    fault.violations().iter().map(|v| (v.field.clone(), v.reason)).collect()
}

#[test]
fn the_simplest_event_needs_three_fields() {
    let parsed = parsed(simplest()).ok().unwrap();
    assert_eq!(parsed.kind, 10);
    assert_eq!(parsed.occurred, door().now);
    assert!(parsed.key_hash.is_none());
    assert_eq!(parsed.task.unwrap().outcome, Outcome::Success);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let mut bad = simplest();
    bad.agent_id = String::new();
    bad.occurred_time = Some(timestamp("2026-01-01T00:00:00Z".parse().unwrap()));
    bad.metadata.insert(String::new(), "x".repeat(1025));
    bad.body = Some(Body::TaskCompleted(Box::new(TaskCompleted {
        outcome: 9,
        duration_ms: Some(-1),
        ..Default::default()
    })));
    let fields: Vec<String> = refused(bad).into_iter().map(|(field, _)| field).collect();
    assert_eq!(
        fields,
        [
            "agent_id",
            "occurred_time",
            "metadata[\"\"]",
            "metadata[\"\"]",
            "task_completed.task_type",
            "task_completed.outcome",
            "task_completed.duration_ms"
        ]
    );
}

#[test]
fn a_moment_no_calendar_has_is_refused_even_by_a_key_that_may_backfill() {
    let (backfill, none) = (Door { past: None, ..door() }, Targets::default());
    let sent = |seconds| Event {
        occurred_time: Some(wire::Timestamp { seconds, nanos: 0 }),
        ..simplest()
    };
    let first = -62_135_596_800;
    let year_one = super::event(sent(first), &backfill, &none).ok().unwrap();
    assert_eq!(year_one.event.occurred_time.unwrap().seconds, first);
    for seconds in [first - 1, i64::MIN, -1_780_315_200_000, 253_402_300_800, i64::MAX] {
        let violations = super::event(sent(seconds), &backfill, &none).err().unwrap();
        let fault = Fault::invalid(violations);
        let [violation] = fault.violations() else { panic!("{:?}", fault.violations()) };
        let said = (violation.field.as_str(), violation.reason);
        assert_eq!(said, ("occurred_time", ErrorReason::OutOfRange));
        assert!(violation.description.contains("milliseconds?"), "{}", violation.description);
    }
}

#[test]
fn an_event_over_32_kib_is_too_large() {
    let mut bad = simplest();
    bad.body = Some(Body::TicketResolved(TicketResolved::default()));
    bad.metadata = (0..33).map(|n| (n.to_string(), "x".repeat(1024))).collect();
    let reasons = refused(bad);
    assert!(reasons.contains(&(String::new(), ErrorReason::TooLarge)), "{reasons:?}");
    assert!(reasons.contains(&("metadata".into(), ErrorReason::TooLarge)));
}

#[test]
fn what_metadata_says_of_the_ticket_fills_what_the_ticket_leaves_empty() {
    let mut sent = simplest();
    sent.metadata.insert("ticket_id".into(), "T-1".into());
    sent.metadata.insert("queue".into(), "billing".into());
    sent.ticket = Some(Ticket { queue: "vip".into(), ..Default::default() }.into());
    let ticket = parsed(sent).ok().unwrap().event.ticket.unwrap();
    assert_eq!((ticket.ticket_id.as_str(), ticket.queue.as_str()), ("T-1", "vip"));
}

#[test]
fn the_hash_of_a_body_ignores_the_key_and_the_moment_it_arrived() {
    let hash = |key: &str, now: &str| {
        let sent = Event { idempotency_key: key.into(), ..simplest() };
        let door = Door { now: now.parse().unwrap(), ..door() };
        super::event(sent, &door, &Targets::default()).ok().unwrap().body_hash
    };
    assert_eq!(hash("a", "2026-06-01T12:00:00Z"), hash("b", "2026-06-02T12:00:00Z"));
    let other = Event { agent_id: "other".into(), ..simplest() };
    assert_ne!(hash("a", "2026-06-01T12:00:00Z"), parsed(other).ok().unwrap().body_hash);
}

#[test]
fn a_cost_without_currency_is_in_the_workspaces() {
    let mut sent = simplest();
    if let Some(Body::TaskCompleted(body)) = &mut sent.body {
        body.agent_cost = Some(common::Money { micros: 12_000, ..Default::default() });
    }
    let cost = parsed(sent).ok().unwrap().task.unwrap().agent_cost.unwrap();
    assert_eq!(cost.currency, Currency::EUR);
}

proptest::proptest! {
    /// The door never panics, and what it lets in it lets in again unchanged.
    #[test]
    fn whatever_is_sent_is_parsed_or_refused(
        agent in "\\PC{0,300}", task_type in "\\PC{0,80}", outcome in -1i32..7,
        seconds in proptest::prelude::any::<i64>(), nanos in proptest::prelude::any::<i32>(),
        duration in proptest::option::of(proptest::prelude::any::<i64>()),
        ratio in proptest::option::of(proptest::prelude::any::<f64>()),
        micros in proptest::prelude::any::<i64>(), currency in "[A-Za-z]{0,4}",
    ) {
        let sent = Event {
            agent_id: agent,
            occurred_time: Some(wire::Timestamp { seconds, nanos }),
            body: Some(Body::TaskCompleted(Box::new(TaskCompleted {
                task_type, outcome, duration_ms: duration, edit_ratio: ratio,
                agent_cost: Some(common::Money { micros, currency_code: currency }),
                ..Default::default()
            }))),
            ..Default::default()
        };
        if let Ok(once) = parsed(sent) {
            let again = parsed(once.event.clone()).ok().unwrap();
            proptest::prop_assert_eq!(again.event, once.event);
        }
    }
}

/// A field of no contract we know, as a newer client may send it.
fn unknown(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    prost::encoding::encode_varint((u64::from(number) << 3) | 2, &mut field);
    prost::encoding::encode_varint(bytes.len() as u64, &mut field);
    field.extend(bytes);
    field
}

proptest::proptest! {
    /// What is hashed is what was understood: the order of a map on the wire and fields unknown to this
    /// build, at any depth, are no part of it.
    #[test]
    fn the_hash_of_a_body_depends_on_no_order_and_on_nothing_a_newer_client_adds(
        pairs in proptest::collection::vec(("[a-e]{1,3}", "\\PC{0,8}"), 0..12),
        turn in 0usize..12,
        number in 100u32..5_000,
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..20),
    ) {
        let metadata: std::collections::BTreeMap<_, _> = pairs.into_iter().collect();
        let plain = Event {
            ticket: Some(Box::new(Ticket { queue: "vip".into(), ..Default::default() })),
            metadata: metadata.clone(),
            ..simplest()
        };
        // The same event as another encoder may write it: its parts in another order, the map turned
        // and each pair by itself, and something new in the event, its ticket and its body.
        let mut pairs: Vec<_> = metadata.into_iter().collect();
        let turn = turn % pairs.len().max(1);
        pairs.rotate_left(turn);
        let newer = unknown(number, &bytes);
        let mut wire = newer.clone();
        wire.extend(Event { metadata: Default::default(), ..plain.clone() }.encode_to_vec());
        for pair in pairs.into_iter().rev() {
            wire.extend(Event { metadata: [pair].into(), ..Default::default() }.encode_to_vec());
        }
        wire.extend(unknown(4, &newer));
        wire.extend(unknown(10, &newer));
        let sent = Event::decode(wire.as_slice()).unwrap();
        let hash = |event| parsed(event).ok().map(|parsed| parsed.body_hash);
        proptest::prop_assert_eq!(&sent, &plain);
        proptest::prop_assert_eq!(hash(sent), hash(plain));
    }
}
