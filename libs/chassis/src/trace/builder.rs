//! Describing a span before it starts: samplers see only what is known by then, links above all.

use std::borrow::Cow;

use kernel::TraceContext;
use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::SdkTracer;

use super::links::Links;
use super::{Span, to_otel, tracer};
use crate::attr;

/// A span that has not started. Names are fixed text; identities are attributes.
#[must_use = "a span that is not started records nothing"]
pub struct SpanBuilder {
    name: Cow<'static, str>,
    kind: SpanKind,
    parent: Context,
    links: Vec<SpanContext>,
    admitted: Links,
    attributes: Vec<KeyValue>,
    /// `None` when tracing is off: then nothing is collected either.
    tracer: Option<SdkTracer>,
}

/// Begins to describe a span, child of whatever is running.
pub fn span(name: impl Into<Cow<'static, str>>) -> SpanBuilder {
    SpanBuilder::new(name.into(), Context::current())
}

impl SpanBuilder {
    pub(crate) fn new(name: Cow<'static, str>, parent: Context) -> Self {
        Self {
            name,
            kind: SpanKind::Internal,
            parent,
            links: Vec::new(),
            admitted: Links::default(),
            attributes: Vec::new(),
            tracer: tracer(),
        }
    }

    /// What it is towards others; internal when not said.
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// A trace of its own: neither the running span nor its deadline reach into it.
    pub fn root(mut self) -> Self {
        self.parent = Context::new();
        self
    }

    /// Child of a context that came out of a row.
    pub fn parent(mut self, context: TraceContext) -> Self {
        self.parent = Context::new().with_remote_span_context(to_otel(context));
        self
    }

    /// Links to whatever caused this, if it is known.
    pub fn link(mut self, context: impl Into<Option<TraceContext>>) -> Self {
        if self.tracer.is_some()
            && let Some(context) = context.into()
            && self.admitted.admit(context)
        {
            self.links.push(to_otel(context));
        }
        self
    }

    /// Links to each of them; see [`super::LINKS_MAX`].
    pub fn links(self, contexts: impl IntoIterator<Item = TraceContext>) -> Self {
        contexts.into_iter().fold(self, Self::link)
    }

    /// Adds an attribute, under a key of [`attr`].
    pub fn attr(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        if self.tracer.is_some() {
            self.attributes.push(KeyValue::new(key, value));
        }
        self
    }

    /// Starts it; dropping the [`Span`] ends it.
    pub fn start(mut self) -> Span {
        let Some(tracer) = self.tracer else {
            // Nothing is recorded; the caller's context still passes through.
            return Span::passing(self.parent);
        };
        if self.admitted.dropped > 0 {
            self.attributes
                .push(KeyValue::new(attr::LINKS_DROPPED, i64::from(self.admitted.dropped)));
        }
        let links = self.links.into_iter().map(Link::with_context).collect();
        let builder = tracer
            .span_builder(self.name)
            .with_kind(self.kind)
            .with_attributes(self.attributes)
            .with_links(links);
        let span = tracer.build_with_context(builder, &self.parent);
        Span::started(self.parent.with_span(span), self.admitted)
    }
}
