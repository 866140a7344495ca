//! A denial as an event, so that what it saved can be reported.

use kernel::{Timestamp, hex};
use prost::Message as _;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{CallDenied, CheckCallRequest, Event, Ticket};

use super::whole;
use crate::domain::Fingerprint;
use crate::domain::guard::{Rule, Tier};
use crate::guard::{Asked, Call, Checked};

/// Who denied, where the caller does not say who asked.
const AGENT: &str = "guard";
const DAY_MICROS: i64 = 86_400_000_000;

/// The same denial of the same attempt on one day (UTC) is the same event, and so one entry: its key is its
/// own hash. The day is in it because counters are forgotten, and attempts then counted from 1 again.
pub(super) fn event(
    request: &CheckCallRequest,
    asked: &Asked<'_>,
    checked: &Checked,
    now: Timestamp,
) -> Event {
    let decision = &checked.decision;
    let mut denied = CallDenied {
        rule: decision.rule.map_or("", Rule::name).to_owned(),
        stage: request.stage.clone(),
        attempt: whole(decision.attempt),
        seen: whole(decision.seen),
        limit: whole(decision.limit),
        model_tier: checked.tier.map_or("", Tier::name).to_owned(),
        allowed_tiers: checked.allowed_tiers.iter().map(|tier| tier.name().to_owned()).collect(),
        ..CallDenied::default()
    };
    match asked.call {
        Call::Model { provider, model, .. } => {
            provider.clone_into(&mut denied.provider);
            model.clone_into(&mut denied.model);
        }
        Call::Tool { tool, args } => {
            tool.clone_into(&mut denied.tool);
            denied.args_hash = args.to_vec();
        }
    }
    let ticket = Ticket {
        ticket_id: request.ticket_id.clone(),
        intent: request.intent.clone(),
        ..Ticket::default()
    };
    let agent_id = if request.agent_id.is_empty() { AGENT } else { &request.agent_id };
    let mut event = Event {
        agent_id: agent_id.to_owned(),
        ticket: Some(ticket.into()),
        body: Some(Body::CallDenied(denied.into())),
        ..Event::default()
    };
    event.idempotency_key = key(&event, now.micros().div_euclid(DAY_MICROS));
    event
}

fn key(event: &Event, day: i64) -> String {
    let fingerprint = Fingerprint::of(&event.encode_to_vec());
    format!("guard:{day}:{}", hex(fingerprint.as_bytes()))
}
