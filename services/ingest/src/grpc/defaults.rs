//! What an event leaves out and the door fills in, and how it looked before.

use kernel::Currency;
use prost::Message as _;
use wire::common::v1::Money;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{Event, Ticket};

use crate::domain::Fingerprint;

/// Tells an event from another under its key. Taken before anything is filled in: the same call sent twice is
/// the same event, whenever it arrives.
pub(super) fn body_hash(event: &mut Event) -> Fingerprint {
    let key = std::mem::take(&mut event.idempotency_key);
    let hash = Fingerprint::of(&event.encode_to_vec());
    event.idempotency_key = key;
    hash
}

/// Pipelines put the ticket in metadata today: what they say there fills what `ticket` leaves empty.
pub(super) fn fill_ticket(event: &mut Event) {
    let mut ticket = event.ticket.take().unwrap_or_default();
    for (place, key) in places(&mut ticket) {
        if place.is_empty()
            && let Some(value) = event.metadata.get(key)
        {
            place.clone_from(value);
        }
    }
    event.ticket = Some(ticket).filter(|ticket| **ticket != Ticket::default());
}

/// An amount without a currency is one of the workspace's.
pub(super) fn fill_currency(event: &mut Event, currency: Currency) {
    if let Some(cost) = cost(event).filter(|cost| cost.currency_code.is_empty()) {
        currency.as_str().clone_into(&mut cost.currency_code);
    }
}

/// An event as it was sent, found by its hash. None where what was filled in cannot be told from what was
/// sent: a time in nanoseconds, or a ticket that repeats part of what metadata says.
pub(super) fn as_sent(event: &Event, hash: Fingerprint) -> Option<Event> {
    const UNDO: [fn(&mut Event); 3] = [
        |event| event.occurred_time = None,
        empty_ticket,
        |event| {
            if let Some(cost) = cost(event) {
                cost.currency_code.clear();
            }
        },
    ];
    (0..1_u8 << UNDO.len()).find_map(|some| {
        let mut sent = event.clone();
        for (n, undo) in UNDO.iter().enumerate() {
            if some & (1 << n) != 0 {
                undo(&mut sent);
            }
        }
        (body_hash(&mut sent) == hash).then_some(sent)
    })
}

/// Without what metadata says, too.
fn empty_ticket(event: &mut Event) {
    let Some(ticket) = &mut event.ticket else { return };
    for (place, key) in places(ticket) {
        if event.metadata.get(key) == Some(place) {
            place.clear();
        }
    }
    event.ticket.take_if(|ticket| **ticket == Ticket::default());
}

/// The fields of a ticket, and under which names metadata has them.
fn places(ticket: &mut Ticket) -> [(&mut String, &'static str); 8] {
    [
        (&mut ticket.ticket_id, "ticket_id"),
        (&mut ticket.customer_key, "customer_key"),
        (&mut ticket.account, "account"),
        (&mut ticket.project, "project"),
        (&mut ticket.intent, "intent"),
        (&mut ticket.queue, "queue"),
        (&mut ticket.channel, "channel"),
        (&mut ticket.language, "language"),
    ]
}

fn cost(event: &mut Event) -> Option<&mut Money> {
    match &mut event.body {
        Some(Body::TaskCompleted(body)) => body.agent_cost.as_mut(),
        Some(Body::LlmCall(body)) => body.cost.as_mut(),
        Some(Body::CostRecorded(body)) => body.amount.as_mut(),
        _ => None,
    }
}
