//! An event at the door: checked whole, completed, and reduced to what the domain needs.

use std::time::Duration;

use fault::{ErrorReason, Violations};
use kernel::{Currency, Money, Outcome, Timestamp, WorkspaceId};
use prost::Message as _;
use wire::common::v1 as common;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{Event, LedgerRecord, Ticket, TokenUsage};

use super::bodies::{self, Check};
use super::corrections::{self, Targets};
use super::{defaults, kinds};
use crate::domain::limits::{
    self, Breach, EVENT_BYTES_MAX, METADATA_BYTES_MAX, METADATA_KEY_BYTES_MAX, METADATA_PAIRS_MAX,
    METADATA_VALUE_BYTES_MAX,
};
use crate::domain::pricing::Tokens;
use crate::domain::{Call, Fingerprint, Task};

/// What an event is parsed against.
#[derive(Clone, Copy)]
pub(super) struct Door {
    pub(super) workspace: WorkspaceId,
    pub(super) currency: Currency,
    pub(super) now: Timestamp,
    /// `None`: the key may backfill.
    pub(super) past: Option<Duration>,
}

/// An event that may be recorded.
pub(super) struct Parsed<'t> {
    /// With defaults in place.
    pub(super) event: Event,
    pub(super) kind: i16,
    pub(super) occurred: Timestamp,
    pub(super) key_hash: Option<Fingerprint>,
    pub(super) body_hash: Fingerprint,
    /// Of a task_completed.
    pub(super) task: Option<Task>,
    /// Of an llm_call.
    pub(super) call: Option<Call>,
    /// What a correction corrects.
    pub(super) corrects: Option<&'t LedgerRecord>,
}

/// Checks everything and says everything that is wrong.
pub(super) fn event<'t>(
    mut event: Event,
    door: &Door,
    targets: &'t Targets,
) -> Result<Parsed<'t>, Violations> {
    let mut violations = Violations::new();
    size(&event, &mut violations);
    let body_hash = defaults::body_hash(&mut event);

    let mut c = Check { violations: &mut violations, path: "" };
    c.identifier("idempotency_key", &event.idempotency_key);
    c.required("agent_id", &event.agent_id);
    let occurred = occurred(&mut event, door, &mut c);
    defaults::fill_ticket(&mut event);
    if let Some(ticket) = &event.ticket {
        let mut c = Check { violations: &mut violations, path: "ticket" };
        for (field, text) in ticket_fields(ticket) {
            c.identifier(field, text);
        }
    }
    metadata(&event, &mut violations);
    let kind = match &event.body {
        Some(body) => bodies::check(body, &mut violations),
        None => {
            let what =
                "is required: say what happened, for example task_completed { task_type, outcome }";
            violations.add("body", ErrorReason::Required, what);
            0
        }
    };
    let corrects = corrections::target(&event, targets).unwrap_or_else(|wrong| {
        let field =
            format!("{}.event_id", event.body.as_ref().map_or("body", |body| kinds::of(body).1));
        violations.add(field, wrong.reason(), wrong.describe());
        None
    });
    if !violations.is_empty() {
        return Err(violations);
    }
    defaults::fill_currency(&mut event, door.currency);
    let key_hash = Some(event.idempotency_key.as_str())
        .filter(|key| !key.is_empty())
        .map(|key| Fingerprint::of_key(door.workspace, key));
    let (task, call) = (task(&event, occurred), call(&event, occurred));
    Ok(Parsed { task, call, corrects, kind, occurred, key_hash, body_hash, event })
}

fn size(event: &Event, violations: &mut Violations) {
    let sent = event.encoded_len();
    if sent > EVENT_BYTES_MAX {
        let breach = Breach::TooLarge { limit: EVENT_BYTES_MAX, sent, unit: "bytes encoded" };
        // The event as a whole: its path is wherever the call carries it.
        violations.add("", ErrorReason::TooLarge, breach.describe());
    }
}

fn occurred(event: &mut Event, door: &Door, c: &mut Check<'_>) -> Timestamp {
    let Some(sent) = event.occurred_time else {
        event.occurred_time = Some(timestamp(door.now));
        return door.now;
    };
    if !(0..1_000_000_000).contains(&sent.nanos) {
        let what = format!("nanos is 0 to 999,999,999; {} was sent", sent.nanos);
        c.breach("occurred_time", &Breach::OutOfRange(what));
        return door.now;
    }
    let at = Timestamp::from_parts(sent.seconds, sent.nanos);
    let known = limits::seconds(sent.seconds);
    if let Err(breach) = known.and_then(|()| limits::occurred(at, door.now, door.past)) {
        c.breach("occurred_time", &breach);
    }
    event.occurred_time = Some(timestamp(at));
    at
}

fn ticket_fields(ticket: &Ticket) -> [(&'static str, &str); 8] {
    [
        ("ticket_id", &ticket.ticket_id),
        ("customer_key", &ticket.customer_key),
        ("account", &ticket.account),
        ("project", &ticket.project),
        ("intent", &ticket.intent),
        ("queue", &ticket.queue),
        ("channel", &ticket.channel),
        ("language", &ticket.language),
    ]
}

fn metadata(event: &Event, violations: &mut Violations) {
    let mut c = Check { violations, path: "" };
    let pairs = event.metadata.len();
    if pairs > METADATA_PAIRS_MAX {
        c.breach(
            "metadata",
            &Breach::TooLarge { limit: METADATA_PAIRS_MAX, sent: pairs, unit: "pairs" },
        );
    }
    let sent: usize = event.metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
    if sent > METADATA_BYTES_MAX {
        c.breach(
            "metadata",
            &Breach::TooLarge { limit: METADATA_BYTES_MAX, sent, unit: "bytes in all" },
        );
    }
    for (key, value) in &event.metadata {
        let shown: String = key.chars().take(METADATA_KEY_BYTES_MAX).collect();
        let field = format!("metadata[{shown:?}]");
        if key.is_empty() || key.len() > METADATA_KEY_BYTES_MAX {
            let what =
                format!("has a key of {} bytes; keys are 1 to {METADATA_KEY_BYTES_MAX}", key.len());
            c.breach(&field, &Breach::OutOfRange(what));
        } else if let Err(breach) = limits::identifier(key) {
            c.breach(&field, &breach);
        }
        if let Err(breach) = limits::text_of(value, METADATA_VALUE_BYTES_MAX) {
            c.breach(&field, &breach);
        }
    }
}

fn task(event: &Event, occurred: Timestamp) -> Option<Task> {
    let Some(Body::TaskCompleted(body)) = &event.body else { return None };
    let ticket = event.ticket.as_deref();
    let of_ticket = |of: fn(&Ticket) -> &String| ticket.map(of).cloned().unwrap_or_default();
    let language =
        if body.language.is_empty() { of_ticket(|t| &t.language) } else { body.language.clone() };
    Some(Task {
        agent_id: event.agent_id.clone(),
        task_type: body.task_type.clone(),
        language,
        channel: of_ticket(|t| &t.channel),
        outcome: outcome(body.outcome())?,
        occurred,
        duration_ms: body.duration_ms,
        human_edit_ms: body.human_edit_ms,
        edit_ratio: body.edit_ratio,
        baseline_ms: body.baseline_ms,
        agent_cost: body.agent_cost.as_ref().and_then(money),
        model: body.model.clone(),
        tokens: body.tokens.as_ref().map(tokens).unwrap_or_default(),
    })
}

fn call(event: &Event, occurred: Timestamp) -> Option<Call> {
    let Some(Body::LlmCall(body)) = &event.body else { return None };
    Some(Call {
        agent_id: event.agent_id.clone(),
        provider: body.provider.clone(),
        model: body.model.clone(),
        tokens: body.tokens.as_ref().map(tokens).unwrap_or_default(),
        cost: body.cost.as_ref().and_then(money),
        occurred,
    })
}

fn tokens(sent: &TokenUsage) -> Tokens {
    let TokenUsage { input, cached_input, output, reasoning } = *sent;
    Tokens { input, cached_input, output, reasoning }
}

/// `None` only where the check refused it already.
pub(super) fn outcome(sent: common::Outcome) -> Option<Outcome> {
    Some(match sent {
        common::Outcome::Unspecified => return None,
        common::Outcome::Success => Outcome::Success,
        common::Outcome::NeedsReview => Outcome::NeedsReview,
        common::Outcome::Failure => Outcome::Failure,
        common::Outcome::Pending => Outcome::Pending,
    })
}

/// Checked money; `None` only where the check refused it already.
pub(super) fn money(money: &common::Money) -> Option<Money> {
    Some(Money { micros: money.micros, currency: Currency::new(&money.currency_code).ok()? })
}

pub(super) fn timestamp(at: Timestamp) -> wire::Timestamp {
    at.parts().into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
