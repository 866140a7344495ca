//! One exported span, in the words of a test.

use std::collections::BTreeMap;

use chassis::trace::Kind;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1 as proto;

/// A span that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub name: String,
    kind: i32,
    pub trace_id: Vec<u8>,
    pub span_id: Vec<u8>,
    /// Empty for a root.
    pub parent_id: Vec<u8>,
    /// (trace id, span id) of each link, in order.
    pub links: Vec<(Vec<u8>, Vec<u8>)>,
    /// Values as text: numbers in decimal.
    pub attributes: BTreeMap<String, String>,
    /// Names of the events, in order.
    pub events: Vec<String>,
    /// Whether its status is ERROR.
    pub failed: bool,
    pub start_nanos: u64,
    pub end_nanos: u64,
}

impl Span {
    #[must_use]
    pub fn is(&self, name: &str, kind: &Kind) -> bool {
        self.name == name && self.kind == number(kind)
    }

    #[must_use]
    pub fn is_root(&self) -> bool {
        self.parent_id.is_empty()
    }

    #[must_use]
    pub fn is_child_of(&self, parent: &Self) -> bool {
        self.trace_id == parent.trace_id && self.parent_id == parent.span_id
    }

    #[must_use]
    pub fn links_to(&self, other: &Self) -> bool {
        self.links.iter().any(|(trace, span)| *trace == other.trace_id && *span == other.span_id)
    }

    /// The attribute as text; empty when it is not there.
    #[must_use]
    pub fn attr(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    #[must_use]
    pub fn duration(&self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.end_nanos.saturating_sub(self.start_nanos))
    }
}

fn number(kind: &Kind) -> i32 {
    let kind = match kind {
        Kind::Internal => proto::span::SpanKind::Internal,
        Kind::Server => proto::span::SpanKind::Server,
        Kind::Client => proto::span::SpanKind::Client,
        Kind::Producer => proto::span::SpanKind::Producer,
        Kind::Consumer => proto::span::SpanKind::Consumer,
    };
    kind.into()
}

impl From<&proto::Span> for Span {
    fn from(span: &proto::Span) -> Self {
        let attributes = span.attributes.iter().map(|pair| {
            let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
            (pair.key.clone(), value.map(text).unwrap_or_default())
        });
        let status = span.status.as_ref().map(|status| status.code);
        Self {
            name: span.name.clone(),
            kind: span.kind,
            trace_id: span.trace_id.clone(),
            span_id: span.span_id.clone(),
            parent_id: span.parent_span_id.clone(),
            links: span
                .links
                .iter()
                .map(|link| (link.trace_id.clone(), link.span_id.clone()))
                .collect(),
            attributes: attributes.collect(),
            events: span.events.iter().map(|event| event.name.clone()).collect(),
            failed: status == Some(proto::status::StatusCode::Error.into()),
            start_nanos: span.start_time_unix_nano,
            end_nanos: span.end_time_unix_nano,
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::StringValue(text) => text.clone(),
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        Value::DoubleValue(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}
