//! W3C trace context over gRPC metadata. Baggage is neither read nor sent.

use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// `OTEL_PROPAGATORS=none` turns it off.
static PROPAGATE: AtomicBool = AtomicBool::new(true);

pub(crate) fn set_enabled(enabled: bool) {
    PROPAGATE.store(enabled, Ordering::Relaxed);
}

/// A context whose parent is the caller, if the headers name one.
pub(crate) fn extract(headers: &HeaderMap) -> Context {
    if !PROPAGATE.load(Ordering::Relaxed) || !headers.contains_key("traceparent") {
        return Context::new();
    }
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Reading(headers))
}

/// Writes the running span into the headers of an outgoing call.
pub(crate) fn inject(context: &Context, headers: &mut HeaderMap) {
    if PROPAGATE.load(Ordering::Relaxed) && context.span().span_context().is_valid() {
        TraceContextPropagator::new().inject_context(context, &mut Writing(headers));
    }
}

struct Reading<'a>(&'a HeaderMap);

impl Extractor for Reading<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Writing<'a>(&'a mut HeaderMap);

impl Injector for Writing<'_> {
    fn set(&mut self, key: &str, value: String) {
        // An empty tracestate would be a header that says nothing.
        if value.is_empty() {
            return;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_injected_is_extracted() {
        let mut headers = HeaderMap::new();
        let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        headers.insert("traceparent", HeaderValue::from_static(sent));
        let context = extract(&headers);
        assert!(context.span().span_context().is_remote());
        let mut onwards = HeaderMap::new();
        inject(&context, &mut onwards);
        assert_eq!(onwards["traceparent"], sent);
        assert!(!onwards.contains_key("tracestate"));
    }

    #[test]
    fn nonsense_is_no_context() {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_static("00-xyz"));
        assert!(!extract(&headers).span().span_context().is_valid());
    }
}
