//! Between the 25 bytes of a ledger row and OpenTelemetry's own type.

use kernel::TraceContext;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// `None` for an invalid context: an absent context is an absent value.
#[must_use]
pub fn from_otel(context: &SpanContext) -> Option<TraceContext> {
    context.is_valid().then(|| TraceContext {
        trace_id: context.trace_id().to_bytes(),
        span_id: context.span_id().to_bytes(),
        flags: context.trace_flags().to_u8(),
    })
}

/// As a remote context: it came out of a row or a header.
#[must_use]
pub fn to_otel(context: TraceContext) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(context.trace_id),
        SpanId::from_bytes(context.span_id),
        TraceFlags::new(context.flags),
        true,
        TraceState::default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_survives_the_way_there_and_back() {
        let context = TraceContext { trace_id: [7; 16], span_id: [9; 8], flags: 1 };
        assert_eq!(from_otel(&to_otel(context)), Some(context));
        assert_eq!(from_otel(&SpanContext::empty_context()), None);
    }
}
