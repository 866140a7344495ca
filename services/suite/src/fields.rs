//! Which fields of a JSON event the contract does not have.
//!
//! A server passes over them, so that older servers take newer events. Whoever writes a file wants to
//! hear of them: a misspelt name is data that silently never arrives.

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use serde_json::{Map, Value};

/// The messages of the contract, by full name.
pub(crate) struct Fields(BTreeMap<String, BTreeMap<String, Field>>);

struct Field {
    /// As `.proto` files spell it, which JSON may too.
    proto_name: String,
    holds: Holds,
}

enum Holds {
    /// A scalar, or a message with a JSON form of its own, such as a timestamp.
    Plain,
    Message(String),
    Many(String),
    /// A map to messages, or to something plain.
    Map(Option<String>),
}

impl Fields {
    /// Of the contract this program was built with.
    pub(crate) fn of_the_contract() -> Self {
        let set = FileDescriptorSet::decode(wire::DESCRIPTOR_SET)
            .expect("the build writes the descriptors and reads them again");
        let mut messages = BTreeMap::new();
        for file in &set.file {
            for message in &file.message_type {
                collect(&format!(".{}", file.package()), message, &mut messages);
            }
        }
        Self(messages)
    }

    /// What `value` says that `message` cannot hold, one sentence each.
    pub(crate) fn unknown(&self, message: &str, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.look(&format!(".{message}"), value, "", &mut found);
        found
    }

    fn look(&self, message: &str, value: &Value, path: &str, found: &mut Vec<String>) {
        // What has the wrong shape is for the parser to refuse.
        let (Some(fields), Value::Object(object)) = (self.0.get(message), value) else { return };
        for (name, value) in object {
            let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let known = fields
                .get(name)
                .or_else(|| fields.values().find(|field| field.proto_name == *name));
            match known {
                Some(field) => self.inside(&field.holds, value, &at, found),
                None => found.push(format!("{at} is no field{}", self.hint(fields, name))),
            }
        }
    }

    fn inside(&self, holds: &Holds, value: &Value, at: &str, found: &mut Vec<String>) {
        match (holds, value) {
            (Holds::Message(message), _) => self.look(message, value, at, found),
            (Holds::Many(message), Value::Array(items)) => {
                for (n, item) in items.iter().enumerate() {
                    self.look(message, item, &format!("{at}[{n}]"), found);
                }
            }
            (Holds::Map(Some(message)), Value::Object(entries)) => {
                for (key, entry) in entries {
                    self.look(message, entry, &format!("{at}.{key}"), found);
                }
            }
            _ => {}
        }
    }

    fn hint(&self, fields: &BTreeMap<String, Field>, name: &str) -> String {
        let within = |field: &Field| match &field.holds {
            Holds::Message(message) => self.0.get(message).is_some_and(|m| m.contains_key(name)),
            Holds::Plain | Holds::Many(_) | Holds::Map(_) => false,
        };
        if let Some((owner, _)) = fields.iter().find(|(_, field)| within(field)) {
            return format!("; it belongs inside {owner}");
        }
        match kernel::nearest(name, fields.keys().map(String::as_str)).first() {
            Some(nearest) => format!("; did you mean {nearest}?"),
            None => String::new(),
        }
    }
}

fn collect(
    scope: &str,
    message: &DescriptorProto,
    into: &mut BTreeMap<String, BTreeMap<String, Field>>,
) {
    let name = format!("{scope}.{}", message.name());
    for nested in &message.nested_type {
        collect(&name, nested, into);
    }
    let fields = message.field.iter().map(|field| {
        let holds = holds(&name, message, field);
        (field.json_name().to_owned(), Field { proto_name: field.name().to_owned(), holds })
    });
    into.insert(name.clone(), fields.collect());
}

fn holds(message: &str, of: &DescriptorProto, field: &FieldDescriptorProto) -> Holds {
    if field.r#type() != Type::Message {
        return Holds::Plain;
    }
    let entry = of.nested_type.iter().find(|nested| {
        let is_map = nested.options.as_ref().is_some_and(|options| options.map_entry());
        is_map && field.type_name() == format!("{message}.{}", nested.name())
    });
    if let Some(entry) = entry {
        let value = entry.field.iter().find(|field| field.name() == "value");
        return Holds::Map(value.and_then(ours));
    }
    match ours(field) {
        None => Holds::Plain,
        Some(message) if field.label() == Label::Repeated => Holds::Many(message),
        Some(message) => Holds::Message(message),
    }
}

/// The message a field holds, unless it has a JSON form of its own.
fn ours(field: &FieldDescriptorProto) -> Option<String> {
    let name = field.type_name();
    (field.r#type() == Type::Message && name.starts_with(".tally.")).then(|| name.to_owned())
}

/// Whether the event says under which key it may be sent again.
pub(crate) fn has_key(event: &Map<String, Value>) -> bool {
    ["idempotencyKey", "idempotency_key"]
        .iter()
        .any(|name| event.get(*name).and_then(Value::as_str).is_some_and(|key| !key.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn unknown(event: Value) -> Vec<String> {
        Fields::of_the_contract().unknown("tally.ingest.v1.Event", &event)
    }

    #[test]
    fn an_event_the_contract_has_room_for_is_not_found_fault_with() {
        let event = json!({
            "idempotencyKey": "k", "agentId": "a", "occurredTime": "2026-01-31T09:00:00Z",
            "metadata": {"anything": "goes"},
            "ticket": {"ticketId": "T-1"},
            "taskCompleted": {"task_type": "t", "outcome": "OUTCOME_SUCCESS",
                              "agentCost": {"currencyCode": "EUR", "micros": "12000"}},
        });
        assert_eq!(unknown(event), Vec::<String>::new());
    }

    #[test]
    fn a_misspelt_field_is_named_with_its_path_and_the_nearest_name() {
        let event = json!({
            "agentID": "a",
            "taskCompleted": {"taskTyp": "t", "agentCost": {"currency": "EUR"}},
        });
        let expected = [
            "agentID is no field; did you mean agentId?",
            "taskCompleted.agentCost.currency is no field; did you mean currencyCode?",
            "taskCompleted.taskTyp is no field; did you mean taskType?",
        ];
        assert_eq!(unknown(event), expected);
    }

    #[test]
    fn a_field_in_the_wrong_place_is_sent_to_the_right_one() {
        let said = unknown(json!({"agentId": "a", "taskType": "t", "lunch": 1}));
        let expected =
            ["lunch is no field", "taskType is no field; it belongs inside taskCompleted"];
        assert_eq!(said, expected);
    }
}
