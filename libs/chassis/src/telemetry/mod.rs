//! Traces, metrics and logs by OTLP, and logs to stderr.
//!
//! Export is off unless an `OTEL_EXPORTER_OTLP_*ENDPOINT` is set; off, it costs nearly nothing. On, a
//! collector that hangs fills a bounded queue, and what does not fit is dropped: no call ever waits.

mod export;
mod logs;
mod resource;
mod sampler;
mod settings;

use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

pub use sampler::{AnyLinkSampled, Sampling};
pub use settings::{Export, Settings};

use crate::trace::{install, propagation};
use crate::{StartError, attr};
use kernel::IdSource;

/// What a shutdown grants each signal, and then all of them together.
const FLUSH: Duration = Duration::from_secs(2);
const FLUSH_ALL: Duration = Duration::from_secs(5);

/// The providers of this process. Dropping it exports nothing more: call [`Telemetry::shutdown`].
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
}

impl Telemetry {
    /// Installs what `settings` ask for; inside a runtime with at least two threads, before any
    /// instrument is made.
    pub fn install(settings: &Settings, ids: &dyn IdSource) -> Result<Self, StartError> {
        let resource = resource::describe(settings, ids);
        let traces = settings
            .traces
            .as_ref()
            .map(|export| export::traces(export, resource.clone(), settings.sampling))
            .transpose()?;
        let metrics = settings
            .metrics
            .as_ref()
            .map(|export| export::metrics(export, resource.clone()))
            .transpose()?;
        let logs =
            settings.logs.as_ref().map(|export| export::logs(export, resource)).transpose()?;

        propagation::set_enabled(settings.propagate);
        install(traces.as_ref().map(|provider| provider.tracer_with_scope(scope())));
        if let Some(provider) = &metrics {
            opentelemetry::global::set_meter_provider(provider.clone());
        }
        logs::install(settings, logs.as_ref())?;
        Ok(Self { traces, metrics, logs })
    }

    /// Exports what is queued, without ending anything.
    pub async fn flush(&self) {
        let (traces, metrics, logs) =
            (self.traces.clone(), self.metrics.clone(), self.logs.clone());
        blocking("flush", move || {
            report("traces", traces.map(|provider| provider.force_flush()));
            report("logs", logs.map(|provider| provider.force_flush()));
            report("metrics", metrics.map(|provider| provider.force_flush()));
        })
        .await;
    }

    /// Exports what is queued and ends: tracer, logger, meter last. Bounded, also when the collector
    /// hangs; blocking work of the SDK runs on a thread of its own, or it would deadlock the runtime
    /// its exporter needs.
    pub async fn shutdown(self) {
        install(None);
        blocking("shutdown", move || {
            report("traces", self.traces.map(|provider| provider.shutdown_with_timeout(FLUSH)));
            report("logs", self.logs.map(|provider| provider.shutdown_with_timeout(FLUSH)));
            report("metrics", self.metrics.map(|provider| provider.shutdown_with_timeout(FLUSH)));
        })
        .await;
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("tally")
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(attr::SCHEMA_URL)
        .build()
}

async fn blocking(what: &'static str, work: impl FnOnce() + Send + 'static) {
    // A thread, not spawn_blocking: leaving the runtime would wait for a pool thread that hangs.
    let (done, over) = tokio::sync::oneshot::channel();
    let spawned = std::thread::Builder::new().name(format!("telemetry-{what}")).spawn(move || {
        work();
        let _ = done.send(());
    });
    if spawned.is_err() || tokio::time::timeout(FLUSH_ALL, over).await.is_err() {
        tracing::warn!(what, "telemetry abandoned: the collector did not answer in time");
    }
}

fn report(signal: &'static str, result: Option<OTelSdkResult>) {
    if let Some(Err(error)) = result {
        tracing::warn!(signal, %error, "telemetry was not exported completely");
    }
}
