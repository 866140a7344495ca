//! What limits have to say about events and their receipts.

use fault::Fault;
use prost::Message as _;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{LedgerRecord, Receipt, Warning};

use crate::domain::Dimension;
use crate::limits::{Admitted, PastSoft};

/// Names the dimensions of a record whose value is one too many. Its bytes again, where there is one.
pub(super) fn mark(record: &mut LedgerRecord, admitted: &mut Admitted) -> Option<Vec<u8>> {
    let overflowed = Dimension::ALL.into_iter().filter(|dimension| {
        let value = value(record, *dimension);
        !value.is_empty() && !admitted.has_name(*dimension, value)
    });
    let overflowed: Vec<String> = overflowed.map(|dimension| dimension.name().to_owned()).collect();
    if overflowed.is_empty() {
        return None;
    }
    record.overflowed = overflowed;
    Some(record.encode_to_vec())
}

/// Adds what the sender of a new event should know about the quota.
pub(super) fn warn(
    receipt: Result<Receipt, Fault>,
    PastSoft(past): PastSoft,
) -> Result<Receipt, Fault> {
    receipt.map(|mut receipt| {
        if past && !receipt.duplicate {
            receipt.warnings.push(Warning::MonthlyQuota.into());
        }
        receipt
    })
}

/// The value reports would count an event under; empty where there is none.
fn value(record: &LedgerRecord, dimension: Dimension) -> &str {
    let Some(event) = &record.event else { return "" };
    let task = match &event.body {
        Some(Body::TaskCompleted(task)) => Some(task),
        _ => None,
    };
    let ticket = event.ticket.as_ref();
    let value = match dimension {
        Dimension::Agent => Some(&event.agent_id),
        Dimension::Project => ticket.map(|ticket| &ticket.project),
        Dimension::Intent => ticket.map(|ticket| &ticket.intent),
        Dimension::Queue => ticket.map(|ticket| &ticket.queue),
        Dimension::Channel => ticket.map(|ticket| &ticket.channel),
        Dimension::Language => {
            let own = task.map(|task| &task.language).filter(|own| !own.is_empty());
            own.or(ticket.map(|ticket| &ticket.language))
        }
        Dimension::Model => match &event.body {
            Some(Body::LlmCall(call)) => Some(&call.model),
            Some(Body::CallDenied(denied)) => Some(&denied.model),
            _ => task.map(|task| &task.model),
        },
    };
    value.map(String::as_str).unwrap_or_default()
}
