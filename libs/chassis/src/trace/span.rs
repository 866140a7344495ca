//! A running span; dropping it ends it.

use std::borrow::Cow;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use kernel::TraceContext;
use opentelemetry::trace::{FutureExt as _, Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, Value};

use super::links::Links;
use super::{SpanBuilder, from_otel, to_otel};
use crate::attr;

/// A running span, or the context passing through when tracing is off.
pub struct Span {
    context: Context,
    /// `None` when tracing is off: there is no span of ours to write to, and none to end.
    links: Option<Mutex<Links>>,
}

impl Span {
    pub(super) fn started(context: Context, links: Links) -> Self {
        Self { context, links: Some(Mutex::new(links)) }
    }

    pub(super) fn passing(context: Context) -> Self {
        Self { context, links: None }
    }

    /// What to store in a row, send to a subscriber, or link to.
    #[must_use]
    pub fn context(&self) -> Option<TraceContext> {
        from_otel(self.context.span().span_context())
    }

    /// Links to something that became known after the start. Samplers do not see it.
    pub fn link(&self, context: impl Into<Option<TraceContext>>) {
        let (Some(links), Some(context)) = (&self.links, context.into()) else { return };
        let mut links = links.lock().unwrap_or_else(PoisonError::into_inner);
        let before = links.dropped;
        if links.admit(context) {
            self.context.span().add_link(to_otel(context), Vec::new());
        } else if links.dropped > before {
            self.attr(attr::LINKS_DROPPED, i64::from(links.dropped));
        }
    }

    /// Adds an attribute, under a key of [`crate::attr`].
    pub fn attr(&self, key: &'static str, value: impl Into<Value>) {
        if self.links.is_some() {
            self.context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// Something that happened inside, at this moment.
    pub fn event(&self, name: impl Into<Cow<'static, str>>, attributes: Vec<KeyValue>) {
        if self.links.is_some() {
            self.context.span().add_event(name, attributes);
        }
    }

    /// The span failed. `error_type` is a word of a small set: a status code, an SQLSTATE, `timeout`.
    /// What exactly happened is the log's to tell.
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>) {
        if self.links.is_some() {
            let span = self.context.span();
            let error_type = match error_type.into() {
                Cow::Borrowed(word) => Value::from(word),
                Cow::Owned(word) => Value::from(word),
            };
            span.set_attribute(KeyValue::new(attr::ERROR_TYPE, error_type));
            span.set_status(Status::error(""));
        }
    }

    /// Begins to describe a child.
    pub fn child(&self, name: impl Into<Cow<'static, str>>) -> SpanBuilder {
        SpanBuilder::new(name.into(), self.context.clone())
    }

    /// Runs `future` inside: calls it makes are children, and [`super::current`] is this span.
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        future.with_context(self.context.clone())
    }

    /// Ends it before it is dropped. What is written to it afterwards is lost.
    pub fn end(&self) {
        if self.links.is_some() {
            self.context.span().end();
        }
    }

    pub(crate) fn otel(&self) -> &Context {
        &self.context
    }

    /// Adds a value, such as a deadline, to what runs inside.
    pub(crate) fn carry<T: Send + Sync + 'static>(&mut self, value: T) {
        self.context = self.context.with_value(value);
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        // Clones of the context may live on in spawned work; the span itself is over.
        self.end();
    }
}
