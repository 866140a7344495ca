//! The kinds of events, as event.proto numbers and names their bodies.

use wire::ingest::v1::event::Body;

/// Field number and field name of a body.
pub(super) fn of(body: &Body) -> (i16, &'static str) {
    match body {
        Body::TaskCompleted(_) => (10, "task_completed"),
        Body::OutcomeRevised(_) => (11, "outcome_revised"),
        Body::Retracted(_) => (12, "retracted"),
        Body::TicketOpened(_) => (13, "ticket_opened"),
        Body::TicketAssigned(_) => (14, "ticket_assigned"),
        Body::TicketRouted(_) => (15, "ticket_routed"),
        Body::TicketResolved(_) => (16, "ticket_resolved"),
        Body::TicketReopened(_) => (17, "ticket_reopened"),
        Body::TicketAbandoned(_) => (18, "ticket_abandoned"),
        Body::TicketMerged(_) => (19, "ticket_merged"),
        Body::MessageSent(_) => (20, "message_sent"),
        Body::EscalationCreated(_) => (21, "escalation_created"),
        Body::EscalationAccepted(_) => (22, "escalation_accepted"),
        Body::EscalationReturned(_) => (23, "escalation_returned"),
        Body::EvidenceRecorded(_) => (24, "evidence_recorded"),
        Body::IntakeCompleted(_) => (25, "intake_completed"),
        Body::ProblemConfirmed(_) => (26, "problem_confirmed"),
        Body::KnowledgeGapRecorded(_) => (27, "knowledge_gap_recorded"),
        Body::KnowledgeGapClosed(_) => (28, "knowledge_gap_closed"),
        Body::LlmCall(_) => (29, "llm_call"),
        Body::ToolCall(_) => (30, "tool_call"),
        Body::ReviewSubmitted(_) => (31, "review_submitted"),
        Body::CsatSubmitted(_) => (32, "csat_submitted"),
        Body::WorkflowApplied(_) => (33, "workflow_applied"),
        Body::EngineeringInterrupted(_) => (34, "engineering_interrupted"),
        Body::CostRecorded(_) => (35, "cost_recorded"),
        Body::CallDenied(_) => (36, "call_denied"),
    }
}

/// The number behind a name, as callers filter by it.
pub(super) fn number(name: &str) -> Option<i16> {
    KINDS.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

/// All of them, in order.
pub(super) const KINDS: [(i16, &str); 27] = [
    (10, "task_completed"),
    (11, "outcome_revised"),
    (12, "retracted"),
    (13, "ticket_opened"),
    (14, "ticket_assigned"),
    (15, "ticket_routed"),
    (16, "ticket_resolved"),
    (17, "ticket_reopened"),
    (18, "ticket_abandoned"),
    (19, "ticket_merged"),
    (20, "message_sent"),
    (21, "escalation_created"),
    (22, "escalation_accepted"),
    (23, "escalation_returned"),
    (24, "evidence_recorded"),
    (25, "intake_completed"),
    (26, "problem_confirmed"),
    (27, "knowledge_gap_recorded"),
    (28, "knowledge_gap_closed"),
    (29, "llm_call"),
    (30, "tool_call"),
    (31, "review_submitted"),
    (32, "csat_submitted"),
    (33, "workflow_applied"),
    (34, "engineering_interrupted"),
    (35, "cost_recorded"),
    (36, "call_denied"),
];

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use prost::Message as _;
    use wire::ingest::v1::Event;

    /// An event whose body is the empty message of field `number`.
    fn empty(number: i16) -> Option<Body> {
        let mut bytes = Vec::new();
        prost::encoding::encode_varint((u64::from(number.unsigned_abs()) << 3) | 2, &mut bytes);
        bytes.push(0);
        Event::decode(bytes.as_slice()).unwrap().body
    }

    #[test]
    fn the_table_is_what_the_contract_says() {
        for kind in KINDS {
            assert_eq!(of(&empty(kind.0).unwrap()), kind);
            assert_eq!(number(kind.1), Some(kind.0));
        }
        assert!(empty(10 + KINDS.len() as i16).is_none(), "every kind has its line");
        assert_eq!(number("tickets"), None);
        assert_eq!(number("call_denied"), Some(crate::domain::limits::CALL_DENIED));
    }
}
