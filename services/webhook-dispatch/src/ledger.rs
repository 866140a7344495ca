//! Ledger entries as filters see them and as subscribers get them.

use bytes::Bytes;
use kernel::{Outcome, Timestamp};
use serde_json::{Value, json};
use tail::Entry;
use wire::common::v1 as common;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{Event, RecordedEvent, Ticket, Valuation};

use crate::domain::{self, EventType, Facts};

/// Standard Webhooks asks for less than about 20 kB.
const PAYLOAD_BYTES_MAX: usize = 20_000;

/// The envelope of an entry; `None` when it holds no event, or an event without a body.
pub(crate) fn facts(entry: &Entry) -> Option<Facts<'_>> {
    let event = entry.record.event.as_ref()?;
    let mut facts = envelope(event, entry.occurred);
    facts.kind = kind(event.body.as_ref()?);
    let corrected = entry.record.corrects.as_ref().and_then(|corrects| corrects.event.as_ref());
    if let Some(corrected) = corrected {
        of_corrected(&mut facts, corrected);
    }
    match event.body.as_ref()? {
        Body::TaskCompleted(task) => {
            facts.task_type = &task.task_type;
            facts.outcome =
                judged(entry.record.valuation.as_deref()).or_else(|| outcome(task.outcome()));
            facts.model = &task.model;
            facts.duration_ms = task.duration_ms;
            facts.human_edit_ms = task.human_edit_ms;
            // What was sent, else what the door computed from model and tokens.
            let computed = || entry.record.valuation.as_ref()?.agent_cost.as_ref();
            let cost = task.agent_cost.as_ref().or_else(computed);
            facts.agent_cost_micros = cost.map(|cost| cost.micros);
            if !task.language.is_empty() {
                facts.ticket.language = &task.language;
            }
        }
        Body::OutcomeRevised(revision) => {
            facts.outcome = outcome(revision.outcome());
            facts.human_edit_ms = revision.human_edit_ms;
        }
        Body::LlmCall(call) => {
            facts.model = &call.model;
            facts.duration_ms = call.duration_ms;
            let computed = || entry.record.call_cost.as_ref()?.cost.as_ref();
            let cost = call.cost.as_ref().or_else(computed);
            facts.agent_cost_micros = cost.map(|cost| cost.micros);
        }
        Body::ToolCall(call) => facts.duration_ms = call.duration_ms,
        Body::CallDenied(denied) => facts.model = &denied.model,
        Body::ReviewSubmitted(review) => facts.duration_ms = review.duration_ms,
        Body::EngineeringInterrupted(interruption) => facts.duration_ms = interruption.duration_ms,
        Body::Retracted(_)
        | Body::TicketOpened(_)
        | Body::TicketAssigned(_)
        | Body::TicketRouted(_)
        | Body::TicketResolved(_)
        | Body::TicketReopened(_)
        | Body::TicketAbandoned(_)
        | Body::TicketMerged(_)
        | Body::MessageSent(_)
        | Body::EscalationCreated(_)
        | Body::EscalationAccepted(_)
        | Body::EscalationReturned(_)
        | Body::EvidenceRecorded(_)
        | Body::IntakeCompleted(_)
        | Body::ProblemConfirmed(_)
        | Body::KnowledgeGapRecorded(_)
        | Body::KnowledgeGapClosed(_)
        | Body::CsatSubmitted(_)
        | Body::WorkflowApplied(_)
        | Body::CostRecorded(_) => {}
    }
    Some(facts)
}

/// A correction is about the step it corrects: whoever filters by task type or ticket hears of it.
fn of_corrected<'e>(facts: &mut Facts<'e>, corrected: &'e Event) {
    if let Some(Body::TaskCompleted(task)) = &corrected.body {
        facts.task_type = &task.task_type;
        facts.model = &task.model;
    }
    if let Some(of) = corrected.ticket.as_ref().filter(|_| facts.ticket.ticket_id.is_empty()) {
        facts.ticket = ticket(of);
    }
}

fn envelope(event: &Event, occurred: Timestamp) -> Facts<'_> {
    let ticket = event.ticket.as_deref().map(ticket).unwrap_or_default();
    Facts {
        kind: "",
        agent_id: &event.agent_id,
        task_type: "",
        outcome: None,
        ticket,
        model: "",
        duration_ms: None,
        human_edit_ms: None,
        agent_cost_micros: None,
        occurred,
        metadata: event
            .metadata
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect(),
    }
}

fn ticket(ticket: &Ticket) -> domain::Ticket<'_> {
    domain::Ticket {
        ticket_id: &ticket.ticket_id,
        customer_key: &ticket.customer_key,
        account: &ticket.account,
        project: &ticket.project,
        intent: &ticket.intent,
        queue: &ticket.queue,
        channel: &ticket.channel,
        language: &ticket.language,
        technical: ticket.technical,
    }
}

/// The outcome credit was computed for, where it was: reports count by it too.
fn judged(valuation: Option<&Valuation>) -> Option<Outcome> {
    outcome(valuation?.outcome())
}

fn outcome(outcome: common::Outcome) -> Option<Outcome> {
    match outcome {
        common::Outcome::Unspecified => None,
        common::Outcome::Success => Some(Outcome::Success),
        common::Outcome::NeedsReview => Some(Outcome::NeedsReview),
        common::Outcome::Failure => Some(Outcome::Failure),
        common::Outcome::Pending => Some(Outcome::Pending),
    }
}

/// The name of a body, as the contract has it.
fn kind(body: &Body) -> &'static str {
    match body {
        Body::TaskCompleted(_) => "task_completed",
        Body::OutcomeRevised(_) => "outcome_revised",
        Body::Retracted(_) => "retracted",
        Body::TicketOpened(_) => "ticket_opened",
        Body::TicketAssigned(_) => "ticket_assigned",
        Body::TicketRouted(_) => "ticket_routed",
        Body::TicketResolved(_) => "ticket_resolved",
        Body::TicketReopened(_) => "ticket_reopened",
        Body::TicketAbandoned(_) => "ticket_abandoned",
        Body::TicketMerged(_) => "ticket_merged",
        Body::MessageSent(_) => "message_sent",
        Body::EscalationCreated(_) => "escalation_created",
        Body::EscalationAccepted(_) => "escalation_accepted",
        Body::EscalationReturned(_) => "escalation_returned",
        Body::EvidenceRecorded(_) => "evidence_recorded",
        Body::IntakeCompleted(_) => "intake_completed",
        Body::ProblemConfirmed(_) => "problem_confirmed",
        Body::KnowledgeGapRecorded(_) => "knowledge_gap_recorded",
        Body::KnowledgeGapClosed(_) => "knowledge_gap_closed",
        Body::LlmCall(_) => "llm_call",
        Body::ToolCall(_) => "tool_call",
        Body::ReviewSubmitted(_) => "review_submitted",
        Body::CsatSubmitted(_) => "csat_submitted",
        Body::WorkflowApplied(_) => "workflow_applied",
        Body::EngineeringInterrupted(_) => "engineering_interrupted",
        Body::CostRecorded(_) => "cost_recorded",
        Body::CallDenied(_) => "call_denied",
    }
}

/// The body of a request: `{"type","timestamp","data"}`, where `data` is a `RecordedEvent` in the
/// protobuf JSON mapping. One that would be too large leaves out the metadata, then the event and what it
/// corrects, and says so with `"thin": true`: GetEvent has the rest.
pub(crate) fn payload(entry: &Entry) -> Bytes {
    let mut recorded = RecordedEvent {
        event_id: entry.event_id().to_string(),
        position: entry.position.to_string(),
        recorded_time: Some(timestamp(entry.recorded)),
        record: Some(entry.record.clone()),
    };
    let full = body(entry, &recorded, false);
    if full.len() <= PAYLOAD_BYTES_MAX {
        return full;
    }
    if let Some(record) = recorded.record.as_mut() {
        let corrected = record.corrects.as_mut().and_then(|corrects| corrects.event.as_mut());
        for event in [record.event.as_mut(), corrected].into_iter().flatten() {
            event.metadata.clear();
        }
    }
    let thin = body(entry, &recorded, true);
    if thin.len() <= PAYLOAD_BYTES_MAX {
        return thin;
    }
    if let Some(record) = recorded.record.as_mut() {
        record.event = None;
        record.corrects = None;
    }
    body(entry, &recorded, true)
}

fn body(entry: &Entry, recorded: &RecordedEvent, thin: bool) -> Bytes {
    let mut message = json!({
        "type": EventType::Tracked.as_str(),
        "timestamp": entry.occurred.to_string(),
        "data": serde_json::to_value(recorded).expect("a message maps to JSON: its times are in range"),
    });
    if thin {
        message["thin"] = Value::Bool(true);
    }
    Bytes::from(message.to_string())
}

pub(crate) fn timestamp(at: Timestamp) -> wire::Timestamp {
    at.parts().into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use kernel::{Position, WorkspaceId};
    use wire::ingest::v1::{CallCost, LedgerRecord, LlmCall, OutcomeRevised, TaskCompleted};

    fn entry(body: Body) -> Entry {
        let workspace = WorkspaceId::new(1).unwrap();
        let event =
            Event { agent_id: "support-triage".into(), body: Some(body), ..Event::default() };
        Entry {
            position: Position { partition: workspace.partition(), seq: 7 },
            workspace,
            recorded: Timestamp::from_micros(2_000_000),
            occurred: Timestamp::from_micros(1_500_000),
            trace: None,
            record: LedgerRecord { event: Some(event), ..Default::default() },
        }
    }

    fn failure() -> Body {
        let outcome = common::Outcome::Failure.into();
        let task_type = "email_classification".into();
        Body::TaskCompleted(Box::new(TaskCompleted {
            task_type,
            outcome,
            ..TaskCompleted::default()
        }))
    }

    #[test]
    fn kinds_are_the_names_of_the_contract() {
        let descriptors = String::from_utf8_lossy(wire::DESCRIPTOR_SET);
        for kind in domain::KINDS {
            assert!(descriptors.contains(kind), "{kind}");
        }
        assert!(domain::KINDS.contains(&kind(&failure())));
    }

    #[test]
    fn credit_s_own_outcome_is_what_filters_see() {
        let mut entry = entry(failure());
        assert_eq!(facts(&entry).unwrap().outcome, Some(Outcome::Failure));
        let outcome = common::Outcome::NeedsReview.into();
        entry.record.valuation = Some(Valuation { outcome, ..Valuation::default() }.into());
        assert_eq!(facts(&entry).unwrap().outcome, Some(Outcome::NeedsReview));
        entry.record.event = None;
        assert!(facts(&entry).is_none());
    }

    #[test]
    fn a_call_costs_what_was_sent_or_what_the_door_computed() {
        let money = |micros| Some(common::Money { currency_code: "EUR".into(), micros });
        let mut entry = entry(Body::LlmCall(Box::default()));
        assert_eq!(facts(&entry).unwrap().agent_cost_micros, None, "unpriced is never free");
        entry.record.call_cost = Some(CallCost { cost: money(2_500), ..Default::default() }.into());
        assert_eq!(facts(&entry).unwrap().agent_cost_micros, Some(2_500));
        let sent = LlmCall { cost: money(7), ..Default::default() };
        entry.record.event.as_mut().unwrap().body = Some(Body::LlmCall(sent.into()));
        assert_eq!(facts(&entry).unwrap().agent_cost_micros, Some(7));
    }

    #[test]
    fn a_payload_is_a_standard_webhook_around_a_recorded_event() {
        let entry = entry(failure());
        let message: Value = serde_json::from_slice(&payload(&entry)).unwrap();
        assert_eq!(message["type"], "event.tracked");
        assert_eq!(message["timestamp"], "1970-01-01T00:00:01.5Z");
        assert_eq!(message["data"]["eventId"], entry.event_id().to_string());
        let recorded: RecordedEvent = serde_json::from_value(message["data"].clone()).unwrap();
        assert_eq!(recorded.record, Some(entry.record));
        assert!(message.get("thin").is_none());
    }

    #[test]
    fn a_correction_is_filtered_as_the_step_it_corrects() {
        let revised =
            OutcomeRevised { outcome: common::Outcome::Success.into(), ..Default::default() };
        let mut entry = entry(Body::OutcomeRevised(revised));
        assert_eq!(facts(&entry).unwrap().task_type, "");
        let ticket = Ticket { queue: "billing".into(), ..Default::default() };
        let mut step =
            Event { body: Some(failure()), ticket: Some(ticket.into()), ..Default::default() };
        step.metadata.insert("note".into(), "\u{1}".repeat(9_000));
        let corrects = LedgerRecord { event: Some(step), ..Default::default() };
        entry.record.corrects = Some(Box::new(corrects));
        let facts = facts(&entry).unwrap();
        assert_eq!((facts.kind, facts.task_type), ("outcome_revised", "email_classification"));
        assert_eq!((facts.ticket.queue, facts.outcome), ("billing", Some(Outcome::Success)));
        // What it corrects counts towards the size, and is cut with it.
        let thin = payload(&entry);
        assert!(thin.len() <= PAYLOAD_BYTES_MAX);
        let message: Value = serde_json::from_slice(&thin).unwrap();
        assert_eq!(message["thin"], true);
    }

    #[test]
    fn a_payload_stays_below_twenty_thousand_bytes() {
        let mut entry = entry(failure());
        let event = entry.record.event.as_mut().unwrap();
        for n in 0..32 {
            event.metadata.insert(format!("key-{n}"), "\u{1}".repeat(250));
        }
        let thin = payload(&entry);
        let message: Value = serde_json::from_slice(&thin).unwrap();
        assert!(thin.len() <= PAYLOAD_BYTES_MAX && message["thin"] == true);
        assert_eq!(message["data"]["record"]["event"]["agentId"], "support-triage");
        entry.record.event.as_mut().unwrap().agent_id = "\u{1}".repeat(20_000);
        let thin = payload(&entry);
        let message: Value = serde_json::from_slice(&thin).unwrap();
        assert!(
            thin.len() <= PAYLOAD_BYTES_MAX && message["data"]["record"].get("event").is_none()
        );
    }
}
