//! What a filter sees of a ledger entry: the event's envelope, borrowed.

use kernel::{Outcome, Timestamp};

use super::field::{Field, Value};

/// The names of event bodies, as the wire has them. A test in `grpc` holds them to the contract.
pub const KINDS: [&str; 27] = [
    "task_completed",
    "outcome_revised",
    "retracted",
    "ticket_opened",
    "ticket_assigned",
    "ticket_routed",
    "ticket_resolved",
    "ticket_reopened",
    "ticket_abandoned",
    "ticket_merged",
    "message_sent",
    "escalation_created",
    "escalation_accepted",
    "escalation_returned",
    "evidence_recorded",
    "intake_completed",
    "problem_confirmed",
    "knowledge_gap_recorded",
    "knowledge_gap_closed",
    "llm_call",
    "tool_call",
    "review_submitted",
    "csat_submitted",
    "workflow_applied",
    "engineering_interrupted",
    "cost_recorded",
    "call_denied",
];

/// One event as filters see it. Text that was not sent is empty, which is the same as absent.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// One of [`KINDS`].
    pub kind: &'static str,
    pub agent_id: &'a str,
    pub task_type: &'a str,
    pub outcome: Option<Outcome>,
    pub ticket: Ticket<'a>,
    pub model: &'a str,
    pub duration_ms: Option<i64>,
    pub human_edit_ms: Option<i64>,
    pub agent_cost_micros: Option<i64>,
    pub occurred: Timestamp,
    pub metadata: Vec<(&'a str, &'a str)>,
}

/// The ticket an event belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ticket<'a> {
    pub ticket_id: &'a str,
    pub customer_key: &'a str,
    pub account: &'a str,
    pub project: &'a str,
    pub intent: &'a str,
    pub queue: &'a str,
    pub channel: &'a str,
    pub language: &'a str,
    pub technical: Option<bool>,
}

impl<'a> Facts<'a> {
    /// The field's value, or `None` where the event does not carry it.
    pub(crate) fn get(&self, field: &Field) -> Option<Value<'a>> {
        let ticket = &self.ticket;
        match field {
            Field::Kind => text(self.kind),
            Field::AgentId => text(self.agent_id),
            Field::TaskType => text(self.task_type),
            Field::Outcome => self.outcome.map(|outcome| Value::text(outcome.as_str())),
            Field::TicketId => text(ticket.ticket_id),
            Field::CustomerKey => text(ticket.customer_key),
            Field::Account => text(ticket.account),
            Field::Project => text(ticket.project),
            Field::Intent => text(ticket.intent),
            Field::Queue => text(ticket.queue),
            Field::Channel => text(ticket.channel),
            Field::Language => text(ticket.language),
            Field::Technical => ticket.technical.map(Value::Flag),
            Field::Model => text(self.model),
            Field::DurationMs => self.duration_ms.map(Value::Number),
            Field::HumanEditMs => self.human_edit_ms.map(Value::Number),
            Field::AgentCostMicros => self.agent_cost_micros.map(Value::Number),
            Field::OccurredTime => Some(Value::Time(self.occurred)),
            Field::Metadata(key) => self
                .metadata
                .iter()
                .find(|(name, _)| name == key)
                .and_then(|(_, value)| text(value)),
        }
    }
}

fn text(value: &str) -> Option<Value<'_>> {
    (!value.is_empty()).then(|| Value::text(value))
}
