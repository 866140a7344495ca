//! Spans, on the OpenTelemetry API: `tracing` is for logs.
//!
//! Spans are per call, per commit, per batch and per delivery, never per event. Without an exporter
//! nothing is recorded, and the caller's context still passes through to the ledger and onwards.

mod builder;
mod convert;
mod installed;
mod links;
pub(crate) mod propagation;
mod span;

use std::future::Future;

use kernel::TraceContext;
use opentelemetry::trace::FutureExt as _;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};

pub use builder::{SpanBuilder, span};
pub use convert::{from_otel, to_otel};
pub(crate) use installed::{install, tracer};
pub use links::LINKS_MAX;
pub use opentelemetry::trace::SpanKind as Kind;
pub use span::Span;

/// The context of whatever is running: what a ledger row stores and a link points at.
#[must_use]
pub fn current() -> Option<TraceContext> {
    Context::map_current(|cx| from_otel(cx.span().span_context()))
}

/// Links the running span to something it waited for, such as the group commit that held its call.
pub fn link_current(context: Option<TraceContext>) {
    if let Some(context) = context {
        Context::map_current(|cx| cx.span().add_link(to_otel(context), Vec::new()));
    }
}

/// Adds an attribute to the running span, under a key of [`crate::attr`].
pub fn note_current(key: &'static str, value: &'static str) {
    Context::map_current(|cx| cx.span().set_attribute(KeyValue::new(key, value)));
}

/// Carries the running span and deadline into a future that is spawned elsewhere: both live in the
/// thread, and a spawned task starts without them.
pub fn carried<F: Future>(future: F) -> impl Future<Output = F::Output> {
    future.with_current_context()
}
