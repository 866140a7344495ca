//! One idempotency key, two events: in which fields they differ.
//!
//! Fields are named and no value is ever said: whoever sends the second need not be who sent the first.

use std::collections::BTreeSet;

use fault::{ErrorReason, Fault};
use kernel::{EventId, Position};
use serde_json::Value;
use wire::ingest::v1::{Event, LedgerRecord};

use super::defaults::as_sent;
use crate::domain::Fingerprint;

/// Past it two events have little in common but their key.
const NAMED_MAX: usize = 16;

/// The field whose keys are the caller's words and not the contract's.
const METADATA: &str = "metadata";

/// Refuses an event whose key stands at `position` for another. Of both: the record and the hash of what was
/// sent.
pub(super) fn fault(
    position: Position,
    stands: (&LedgerRecord, Fingerprint),
    sent: (&LedgerRecord, Fingerprint),
) -> Fault {
    let differing = match (&stands.0.event, &sent.0.event) {
        (Some(one), Some(other)) => differing((one, stands.1), (other, sent.1)),
        _ => Vec::new(),
    };
    let which = match differing.as_slice() {
        [] => String::new(),
        fields => format!(", which differs in {}", listed(fields, ", ")),
    };
    let what = format!(
        "this idempotency_key was used for another event{which}; nothing was written. Use a new key, or send \
         the event as it was"
    );
    let fault = Fault::exists(ErrorReason::IdempotencyConflict, what);
    let fault = fault.with("event_id", EventId(position));
    if differing.is_empty() { fault } else { fault.with("fields", listed(&differing, ",")) }
}

fn listed(fields: &[String], separator: &str) -> String {
    let mut list = fields[..fields.len().min(NAMED_MAX)].join(separator);
    if fields.len() > NAMED_MAX {
        list.push_str(separator);
        list.push('…');
    }
    list
}

/// As both were sent, if that can be told of both: what was filled in differs by itself, as times do.
fn differing(one: (&Event, Fingerprint), other: (&Event, Fingerprint)) -> Vec<String> {
    match (as_sent(one.0, one.1), as_sent(other.0, other.1)) {
        (Some(one), Some(other)) => fields(&one, &other),
        _ => fields(one.0, other.0),
    }
}

/// Paths of the fields in which two events differ, as the contract spells them. A message that only one of
/// them has is named without its fields. None when one of them holds what the contract has no name for.
fn fields(one: &Event, other: &Event) -> Vec<String> {
    let mut paths = Vec::new();
    if let (Ok(one), Ok(other)) = (serde_json::to_value(one), serde_json::to_value(other)) {
        compare("", &one, &other, &mut paths);
    }
    paths
}

fn compare(path: &str, one: &Value, other: &Value, paths: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) if path != METADATA => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let separator = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{separator}{}", spelled(name));
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => compare(&path, one, other, paths),
                    _ => paths.push(path),
                }
            }
        }
        _ if one == other => {}
        _ => paths.push(path.to_owned()),
    }
}

/// `taskCompleted` as the contract spells it.
fn spelled(json_name: &str) -> String {
    let mut name = String::with_capacity(json_name.len() + 4);
    for c in json_name.chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
