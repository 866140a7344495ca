//! What each kind of event must say. One line a field, in the order of event.proto.

use fault::{ErrorReason, Violations};
use wire::common::v1::{Money, Outcome};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{
    ActorKind, CallStatus, OutcomeRevised, Retracted, TaskCompleted, TokenUsage,
};

use super::kinds;
use crate::domain::limits::{
    self, Breach, HASH_BYTES_MAX, LIST_ITEMS_MAX, MONEY_MICROS_MAX, TEXT_BYTES_MAX,
};

/// Violations of one body, their fields prefixed with its name.
pub(super) struct Check<'a> {
    pub(super) violations: &'a mut Violations,
    pub(super) path: &'static str,
}

/// Field number and checks of whatever body an event has.
pub(super) fn check(body: &Body, violations: &mut Violations) -> i16 {
    let (kind, path) = kinds::of(body);
    let mut c = Check { violations, path };
    match body {
        Body::TaskCompleted(b) => task_completed(b, &mut c),
        Body::OutcomeRevised(b) => outcome_revised(b, &mut c),
        Body::Retracted(b) => retracted(b, &mut c),
        Body::TicketOpened(b) => {
            c.identifier("repeat_of", &b.repeat_of);
            c.identifier("fingerprint", &b.fingerprint);
        }
        Body::TicketAssigned(b) => {
            c.identifier("assignee", &b.assignee);
            c.actor("actor", b.actor);
            c.identifier("reason", &b.reason);
        }
        Body::TicketRouted(b) => {
            c.identifier("from_queue", &b.from_queue);
            c.required("to_queue", &b.to_queue);
            c.actor("actor", b.actor);
        }
        Body::TicketResolved(b) => c.actor("actor", b.actor),
        Body::TicketReopened(b) => {
            c.actor("actor", b.actor);
            c.identifier("reason", &b.reason);
        }
        Body::TicketAbandoned(b) => c.identifier("reason", &b.reason),
        Body::TicketMerged(b) => c.required("into_ticket_id", &b.into_ticket_id),
        Body::MessageSent(b) => c.required_actor("actor", b.actor),
        Body::EscalationCreated(b) => {
            c.required("escalation_id", &b.escalation_id);
            c.list("present_fields", &b.present_fields);
            c.identifier("trigger", &b.trigger);
            c.text("reason", &b.reason);
        }
        Body::EscalationAccepted(b) => c.required("escalation_id", &b.escalation_id),
        Body::EscalationReturned(b) => {
            c.required("escalation_id", &b.escalation_id);
            c.list("missing_fields", &b.missing_fields);
            c.text("reason", &b.reason);
        }
        Body::EvidenceRecorded(b) => {
            c.required("kind", &b.kind);
            c.identifier("source", &b.source);
            c.count("items_present", b.items_present.into());
            c.count("items_required", b.items_required.into());
        }
        Body::IntakeCompleted(b) => {
            c.list("present_identifiers", &b.present_identifiers);
            c.identifier("required_set_version", &b.required_set_version);
        }
        Body::ProblemConfirmed(b) => c.actor("actor", b.actor),
        Body::KnowledgeGapRecorded(b) => {
            c.required("question_key", &b.question_key);
            c.identifier("source_needed", &b.source_needed);
        }
        Body::KnowledgeGapClosed(b) => {
            c.required("question_key", &b.question_key);
            c.one_of("state", &b.state, &["drafted", "published", "verified"]);
        }
        Body::LlmCall(b) => {
            for (field, text) in [
                ("stage", &b.stage),
                ("retry_of", &b.retry_of),
                ("fallback_of", &b.fallback_of),
                ("purpose", &b.purpose),
                ("provider", &b.provider),
                ("call_id", &b.call_id),
            ] {
                c.identifier(field, text);
            }
            c.required("model", &b.model);
            c.count("attempt", b.attempt.into());
            c.tokens("tokens", b.tokens.as_ref());
            c.money("cost", b.cost.as_ref());
            c.status("status", b.status);
            c.step_ms("duration_ms", b.duration_ms, 0);
        }
        Body::ToolCall(b) => {
            c.identifier("stage", &b.stage);
            c.required("tool", &b.tool);
            c.hash("args_hash", &b.args_hash);
            c.hash("result_hash", &b.result_hash);
            c.status("status", b.status);
            c.step_ms("duration_ms", b.duration_ms, 0);
        }
        Body::ReviewSubmitted(b) => {
            c.required("sample_id", &b.sample_id);
            c.required("reviewer", &b.reviewer);
            let verdicts = [
                "correct",
                "wrong",
                "missing_context",
                "should_have_escalated",
                "unsafe",
                "unsure",
            ];
            c.one_of("verdict", &b.verdict, &verdicts);
            c.identifier("rubric_version", &b.rubric_version);
            c.step_ms("duration_ms", b.duration_ms, 0);
        }
        Body::CsatSubmitted(b) => {
            let best = if b.scale_max == 0 { 5 } else { b.scale_max };
            c.range("scale_max", best.into(), 2, 100);
            c.range("score", b.score.into(), 1, best.max(1).into());
        }
        Body::WorkflowApplied(b) => {
            c.required("template_id", &b.template_id);
            c.identifier("author", &b.author);
        }
        Body::EngineeringInterrupted(b) => {
            c.text("reason", &b.reason);
            c.step_ms("duration_ms", b.duration_ms, 0);
        }
        Body::CostRecorded(b) => {
            c.one_of("kind", &b.kind, &["subscription", "setup", "review", "other"]);
            if b.amount.is_none() {
                c.breach("amount", &Breach::Missing);
            }
            c.money("amount", b.amount.as_ref());
        }
        Body::CallDenied(b) => {
            c.required("rule", &b.rule);
            c.identifier("stage", &b.stage);
            c.identifier("provider", &b.provider);
            if b.tool.is_empty() {
                c.required("model", &b.model);
            } else {
                c.identifier("model", &b.model);
                c.identifier("tool", &b.tool);
            }
            c.hash("args_hash", &b.args_hash);
            for (field, count) in [("attempt", b.attempt), ("seen", b.seen), ("limit", b.limit)] {
                c.count(field, count.into());
            }
            c.identifier("model_tier", &b.model_tier);
            c.list("allowed_tiers", &b.allowed_tiers);
        }
    }
    kind
}

pub(super) fn outcome_revised(b: &OutcomeRevised, c: &mut Check<'_>) {
    c.event_id("event_id", &b.event_id);
    c.outcome("outcome", b.outcome);
    c.step_ms("human_edit_ms", b.human_edit_ms, 0);
    c.text("reason", &b.reason);
}

pub(super) fn retracted(b: &Retracted, c: &mut Check<'_>) {
    c.event_id("event_id", &b.event_id);
    c.required_text("reason", &b.reason);
}

fn task_completed(b: &TaskCompleted, c: &mut Check<'_>) {
    if b.task_type.is_empty() {
        c.breach("task_type", &Breach::Missing);
    } else if b.task_type.len() > limits::TASK_TYPE_BYTES_MAX {
        let (limit, sent) = (limits::TASK_TYPE_BYTES_MAX, b.task_type.len());
        c.breach("task_type", &Breach::TooLarge { limit, sent, unit: "bytes" });
    } else {
        c.identifier("task_type", &b.task_type);
    }
    c.outcome("outcome", b.outcome);
    c.step_ms("duration_ms", b.duration_ms, 0);
    c.step_ms("human_edit_ms", b.human_edit_ms, 0);
    c.step_ms("baseline_ms", b.baseline_ms, 1);
    c.money("agent_cost", b.agent_cost.as_ref());
    c.identifier("model", &b.model);
    c.tokens("tokens", b.tokens.as_ref());
    c.identifier("language", &b.language);
    if b.edit_ratio.is_some_and(|ratio| !(0.0..=1.0).contains(&ratio)) {
        let sent = b.edit_ratio.unwrap_or_default();
        c.breach("edit_ratio", &Breach::OutOfRange(format!("is 0 to 1; {sent} was sent")));
    }
}

impl Check<'_> {
    pub(super) fn breach(&mut self, field: &str, breach: &Breach) {
        let reason = match breach {
            Breach::Missing => ErrorReason::Required,
            Breach::TooLarge { .. } => ErrorReason::TooLarge,
            Breach::ControlCharacter => ErrorReason::InvalidField,
            Breach::OutOfRange(_) => ErrorReason::OutOfRange,
        };
        let path =
            if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) };
        self.violations.add(path, reason, breach.describe());
    }

    fn hold(&mut self, field: &str, checked: Result<(), Breach>) {
        if let Err(breach) = checked {
            self.breach(field, &breach);
        }
    }

    pub(super) fn identifier(&mut self, field: &str, text: &str) {
        self.hold(field, limits::identifier(text));
    }

    pub(super) fn required(&mut self, field: &str, text: &str) {
        self.hold(field, limits::required(text));
    }

    fn text(&mut self, field: &str, text: &str) {
        self.hold(field, limits::text_of(text, TEXT_BYTES_MAX));
    }

    fn required_text(&mut self, field: &str, text: &str) {
        let missing = if text.is_empty() { Err(Breach::Missing) } else { Ok(()) };
        self.hold(field, missing.and_then(|()| limits::text_of(text, TEXT_BYTES_MAX)));
    }

    fn one_of(&mut self, field: &str, text: &str, words: &[&str]) {
        if text.is_empty() {
            self.breach(field, &Breach::Missing);
        } else if !words.contains(&text) {
            let sent: String = text.chars().take(64).collect();
            let what = format!("is one of {}; {sent:?} was sent", words.join(", "));
            self.breach(field, &Breach::OutOfRange(what));
        }
    }

    fn event_id(&mut self, field: &str, text: &str) {
        if text.is_empty() {
            self.breach(field, &Breach::Missing);
        } else if let Err(malformed) = text.parse::<kernel::EventId>() {
            self.breach(field, &Breach::OutOfRange(malformed.to_string()));
        }
    }

    fn list(&mut self, field: &str, items: &[String]) {
        if items.len() > LIST_ITEMS_MAX {
            let (limit, sent) = (LIST_ITEMS_MAX, items.len());
            return self.breach(field, &Breach::TooLarge { limit, sent, unit: "items" });
        }
        for (n, item) in items.iter().enumerate() {
            self.required(&format!("{field}[{n}]"), item);
        }
    }

    fn hash(&mut self, field: &str, bytes: &[u8]) {
        if bytes.len() > HASH_BYTES_MAX {
            let (limit, sent) = (HASH_BYTES_MAX, bytes.len());
            self.breach(field, &Breach::TooLarge { limit, sent, unit: "bytes" });
        }
    }

    fn range(&mut self, field: &str, value: i64, min: i64, max: i64) {
        if !(min..=max).contains(&value) {
            let what = format!("is {min} to {max}; {value} was sent");
            self.breach(field, &Breach::OutOfRange(what));
        }
    }

    fn count(&mut self, field: &str, value: i64) {
        self.range(field, value, 0, i64::MAX);
    }

    fn step_ms(&mut self, field: &str, value: Option<i64>, min: i64) {
        if let Some(value) = value {
            self.hold(field, limits::step_ms(value, min));
        }
    }

    fn outcome(&mut self, field: &str, value: i32) {
        match Outcome::try_from(value) {
            Ok(Outcome::Unspecified) => self.breach(field, &Breach::Missing),
            Ok(_) => {}
            Err(_) => {
                let what = "is SUCCESS (1), NEEDS_REVIEW (2), FAILURE (3) or PENDING (4)";
                self.breach(field, &Breach::OutOfRange(format!("{what}; {value} was sent")));
            }
        }
    }

    fn actor(&mut self, field: &str, value: i32) {
        if ActorKind::try_from(value).is_err() {
            let what =
                format!("is AI (1), HUMAN (2), CUSTOMER (3) or SYSTEM (4); {value} was sent");
            self.breach(field, &Breach::OutOfRange(what));
        }
    }

    fn required_actor(&mut self, field: &str, value: i32) {
        if value == ActorKind::Unspecified as i32 {
            self.breach(field, &Breach::Missing);
        }
        self.actor(field, value);
    }

    fn status(&mut self, field: &str, value: i32) {
        if CallStatus::try_from(value).is_err() {
            let what = format!(
                "is OK (1), RETRYABLE_ERROR (2), ERROR (3) or DENIED (4); {value} was sent"
            );
            self.breach(field, &Breach::OutOfRange(what));
        }
    }

    fn tokens(&mut self, field: &str, usage: Option<&TokenUsage>) {
        let Some(usage) = usage else { return };
        for (kind, count) in [
            ("input", usage.input),
            ("cached_input", usage.cached_input),
            ("output", usage.output),
            ("reasoning", usage.reasoning),
        ] {
            self.count(&format!("{field}.{kind}"), count);
        }
    }

    fn money(&mut self, field: &str, money: Option<&Money>) {
        let Some(money) = money else { return };
        self.range(&format!("{field}.micros"), money.micros, 0, MONEY_MICROS_MAX);
        if !money.currency_code.is_empty()
            && let Err(malformed) = kernel::Currency::new(&money.currency_code)
        {
            let field = format!("{field}.currency_code");
            self.breach(&field, &Breach::OutOfRange(malformed.to_string()));
        }
    }
}
