//! One attempt: a signed POST, what came back, and the span of it. Never follows a redirect, never
//! reads more of an answer than it keeps, never waits longer than [`TOTAL`].

mod answer;
mod guard;
mod http_client;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chassis::{attr, trace};
use http::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use http_body_util::Full;
use kernel::{Clock, Timestamp, TraceContext};

use crate::domain::{AddressPolicy, Answer, DeliveryId, Endpoint, Verdict, sign};

pub use guard::{Lookup, SystemLookup};
pub(crate) use http_client::HttpClient;

/// From the first look at the name to the last byte of the answer.
pub const TOTAL: Duration = Duration::from_secs(15);

const AGENT: &str = concat!("Tallystick/", env!("CARGO_PKG_VERSION"), " (webhooks)");

/// Where an attempt stands in its traces.
#[derive(Debug, Clone, Copy, Default)]
pub struct Thread {
    /// The span it is part of; a new trace when there is none.
    pub parent: Option<TraceContext>,
    /// The span that tracked the event.
    pub event: Option<TraceContext>,
    /// The attempt before this one.
    pub previous: Option<TraceContext>,
    /// Attempts made before.
    pub resend: u32,
}

/// Sends webhooks.
pub struct Sender {
    client: HttpClient,
    policy: Arc<AddressPolicy>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

impl Sender {
    /// Looks names up through `lookup` and dials what `policy` lets through.
    pub fn new(policy: AddressPolicy, lookup: Arc<dyn Lookup>, clock: Arc<dyn Clock>) -> Self {
        let policy = Arc::new(policy);
        let client = HttpClient::new(&policy, &lookup);
        Self { client, policy, clock, metrics: Metrics::new() }
    }

    /// Makes one attempt. There is always an answer, if only that none came.
    pub async fn send(
        &self,
        endpoint: &Endpoint,
        id: DeliveryId,
        body: Bytes,
        thread: Thread,
    ) -> Answer {
        let started = self.clock.now();
        let span = span(endpoint, id, thread);
        let context = span.context();
        let seen = match self.policy_refuses(endpoint) {
            Some(refused) => refused,
            None => {
                let request = request(endpoint, id, body, started, context.or(thread.event));
                let exchange = self.client.exchange(endpoint.target.reach(), request, &*self.clock);
                tokio::select! {
                    seen = exchange => seen,
                    () = self.clock.sleep_until(started.plus(TOTAL)) => answer::Seen::timed_out(),
                }
            }
        };
        let took = self.clock.now().since(started);
        if let Some(status) = seen.status {
            span.attr(attr::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
        }
        if let Some(error_type) = seen.error_type() {
            span.fail(error_type);
        }
        self.metrics.count(&seen, took);
        let answer::Seen { verdict, status, body, error, retry_after } = seen;
        Answer { verdict, status, body, error, retry_after, started, took, trace: context }
    }

    /// Literal addresses never pass through the resolver, so they are judged here.
    fn policy_refuses(&self, endpoint: &Endpoint) -> Option<answer::Seen> {
        let address = endpoint.target.literal()?;
        let refused = self.policy.check(endpoint.target.reach(), address).err()?;
        Some(answer::Seen::nothing(Verdict::ForbiddenAddress, refused.to_string()))
    }
}

/// RELIABILITY A4: a child of the processing of its batch, or of the attempt before it; linked to the
/// call that tracked the event.
fn span(endpoint: &Endpoint, id: DeliveryId, thread: Thread) -> trace::Span {
    let target = &endpoint.target;
    let mut span = trace::span("POST")
        .kind(trace::Kind::Client)
        .root()
        .link(thread.event)
        .attr(attr::HTTP_REQUEST_METHOD, "POST")
        .attr(attr::URL_FULL, target.origin())
        .attr(attr::SERVER_ADDRESS, target.host().to_owned())
        .attr(attr::SERVER_PORT, i64::from(target.port()))
        .attr(attr::MESSAGING_MESSAGE_ID, id.to_string())
        .attr(attr::WORKSPACE, endpoint.workspace.to_string());
    if thread.resend > 0 {
        span = span.attr(attr::HTTP_REQUEST_RESEND_COUNT, i64::from(thread.resend));
    }
    match thread.parent {
        Some(parent) => span.parent(parent).link(thread.previous.filter(|p| *p != parent)),
        None => span.link(thread.previous),
    }
    .start()
}

fn request(
    endpoint: &Endpoint,
    id: DeliveryId,
    body: Bytes,
    at: Timestamp,
    trace: Option<TraceContext>,
) -> Request<Full<Bytes>> {
    let id = id.to_string();
    let signature = sign(std::slice::from_ref(&endpoint.secret), &id, at, &body);
    let plain =
        |text: &str| HeaderValue::from_str(text).expect("ids, digits and base64 are header text");
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri(endpoint);
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert("webhook-id", plain(&id));
    headers.insert("webhook-timestamp", plain(&at.parts().0.to_string()));
    headers.insert("webhook-signature", plain(&signature));
    // Never tracestate, never baggage: those are nobody else's business.
    if endpoint.include_traceparent
        && let Some(trace) = trace
    {
        headers.insert("traceparent", plain(&trace.traceparent()));
    }
    request
}

/// A URL that `url` normalised is a URI, save for a few characters browsers let stand in queries.
fn uri(endpoint: &Endpoint) -> Uri {
    let text = endpoint.target.as_str();
    text.parse().unwrap_or_else(|_| {
        let escaped: String = text
            .chars()
            .map(|c| match c {
                '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' => {
                    format!("%{:02X}", u32::from(c))
                }
                other => other.to_string(),
            })
            .collect();
        escaped.parse().unwrap_or_default()
    })
}

/// Made when the service starts: an instrument made before telemetry stays silent.
struct Metrics {
    attempts: opentelemetry::metrics::Counter<u64>,
    duration: opentelemetry::metrics::Histogram<f64>,
}

impl Metrics {
    fn new() -> Self {
        let attempts = chassis::metrics::meter()
            .u64_counter(attr::DELIVERY_ATTEMPTS)
            .with_description("Webhook requests by what came of them.")
            .build();
        let duration = chassis::metrics::duration(
            attr::HTTP_CLIENT_REQUEST_DURATION,
            "Duration of webhook requests, to the end of the answer.",
        );
        Self { attempts, duration }
    }

    fn count(&self, seen: &answer::Seen, took: Duration) {
        let outcome = opentelemetry::KeyValue::new(attr::DELIVERY_OUTCOME, seen.outcome());
        self.attempts.add(1, std::slice::from_ref(&outcome));
        self.duration.record(took.as_secs_f64(), std::slice::from_ref(&outcome));
    }
}
