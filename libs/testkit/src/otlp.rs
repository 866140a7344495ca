//! An OTLP receiver in the process of the test: what was exported, as a test wants to ask about it.

mod receiver;
mod span;

use std::sync::{Arc, Mutex, PoisonError};

use chassis::telemetry::{Settings, Telemetry};
use http::Uri;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use crate::SeededIds;
use receiver::Receiver;
pub use span::Span;

/// Everything that arrived, all signals.
#[derive(Default)]
struct Arrived {
    traces: Vec<ExportTraceServiceRequest>,
    metrics: Vec<ExportMetricsServiceRequest>,
    logs: Vec<ExportLogsServiceRequest>,
}

/// A collector that keeps everything, and the telemetry of this process pointed at it.
///
/// The telemetry of a process is one: tests that use this run in processes of their own, as
/// `cargo nextest` has it.
pub struct Otlp {
    arrived: Arc<Mutex<Arrived>>,
    telemetry: Telemetry,
}

impl Otlp {
    /// Starts the collector and exports to it as `service`, every trace kept.
    pub async fn start(service: &str) -> Self {
        Self::start_with(service, |settings| settings).await
    }

    /// The same, with other settings: a sampler, a signal left out.
    pub async fn start_with(service: &str, change: impl FnOnce(Settings) -> Settings) -> Self {
        let arrived = Arc::default();
        let endpoint: Uri = Receiver::start(Arc::clone(&arrived)).await;
        let settings = change(Settings::to(service, endpoint));
        let telemetry = Telemetry::install(&settings, &SeededIds::new(1))
            .expect("telemetry to our own collector");
        Self { arrived, telemetry }
    }

    /// Every span that has ended, in order of their start.
    pub async fn spans(&self) -> Vec<Span> {
        self.telemetry.flush().await;
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let mut spans: Vec<Span> = arrived
            .traces
            .iter()
            .flat_map(|request| &request.resource_spans)
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| &scope.spans)
            .map(Span::from)
            .collect();
        spans.sort_by_key(|span| span.start_nanos);
        spans
    }

    /// The only span of that name and kind.
    ///
    /// # Panics
    /// When there is none or more than one; the message lists what there is.
    pub async fn span(&self, name: &str, kind: chassis::trace::Kind) -> Span {
        let spans = self.spans().await;
        let found: Vec<&Span> = spans.iter().filter(|span| span.is(name, &kind)).collect();
        match found.as_slice() {
            [only] => (*only).clone(),
            _ => panic!("{} spans {name:?} of kind {kind:?} in {spans:#?}", found.len()),
        }
    }

    /// Every span of that name, in order of their start.
    pub async fn named(&self, name: &str) -> Vec<Span> {
        self.spans().await.into_iter().filter(|span| span.name == name).collect()
    }

    /// The names of all metrics that arrived.
    pub async fn metrics(&self) -> Vec<String> {
        self.telemetry.flush().await;
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> = arrived
            .metrics
            .iter()
            .flat_map(|request| &request.resource_metrics)
            .flat_map(|resource| &resource.scope_metrics)
            .flat_map(|scope| &scope.metrics)
            .map(|metric| metric.name.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Every byte that was exported, of all signals: to search for what must not be in it.
    pub async fn bytes(&self) -> Vec<u8> {
        self.telemetry.flush().await;
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let traces = arrived.traces.iter().flat_map(prost::Message::encode_to_vec);
        let metrics = arrived.metrics.iter().flat_map(prost::Message::encode_to_vec);
        traces
            .chain(metrics)
            .chain(arrived.logs.iter().flat_map(|logs| logs.encode_to_vec()))
            .collect()
    }

    /// Whether `needle` is in any exported byte.
    pub async fn exported(&self, needle: &str) -> bool {
        let bytes = self.bytes().await;
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    }

    /// Flushes and ends the telemetry of this process.
    pub async fn shutdown(self) {
        self.telemetry.shutdown().await;
    }
}
