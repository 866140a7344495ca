//! What to export, where to, and how much of it: the standard `OTEL_*` variables.
//!
//! Those the SDK does not read itself are implemented here; the rest (`OTEL_BSP_*`, `OTEL_BLRP_*`,
//! `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS`, timeouts,
//! limits) the SDK reads from the process.

use std::path::PathBuf;

use http::Uri;

use super::Sampling;
use crate::config::Reader;

/// Everything [`super::Telemetry::install`] needs. Tests write it down, processes read it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `service.name`.
    pub service: String,
    /// `deployment.environment.name`.
    pub environment: Option<String>,
    /// Where spans go; nowhere when absent.
    pub traces: Option<Export>,
    /// Where metrics go.
    pub metrics: Option<Export>,
    /// Where log records go, besides stderr.
    pub logs: Option<Export>,
    /// Which traces are kept.
    pub sampling: Sampling,
    /// Whether trace context is read from calls and written into them.
    pub propagate: bool,
    /// Filter of the log lines: `info`, `warn,ingest=debug`.
    pub log: String,
    /// JSON lines instead of text.
    pub log_json: bool,
}

/// A collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its OTLP over gRPC address.
    pub endpoint: Uri,
    /// PEM file of the authority behind an `https://` endpoint.
    pub certificate: Option<PathBuf>,
}

impl Settings {
    /// No export, and log lines from `warn`.
    #[must_use]
    pub fn off(service: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            environment: None,
            traces: None,
            metrics: None,
            logs: None,
            sampling: Sampling::default(),
            propagate: true,
            log: "warn".to_owned(),
            log_json: false,
        }
    }

    /// All three signals to one collector, every trace kept.
    #[must_use]
    pub fn to(service: impl Into<String>, endpoint: Uri) -> Self {
        let export = Export { endpoint, certificate: None };
        Self {
            traces: Some(export.clone()),
            metrics: Some(export.clone()),
            logs: Some(export),
            ..Self::off(service)
        }
    }

    /// Reads `OTEL_*`, `TALLY_LOG` and `TALLY_LOG_FORMAT`. `service` is the name without `OTEL_SERVICE_NAME`.
    pub fn read(r: &mut Reader<'_>, service: &str) -> Self {
        let service = r.standard(
            "OTEL_SERVICE_NAME",
            service,
            "Name of this process in traces, metrics and logs.",
        );
        let disabled: bool = r.standard("OTEL_SDK_DISABLED", "off", "Turns all export off.");
        let protocol: String = r.standard(
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "grpc",
            "How to speak to the collector: only grpc is built in.",
        );
        if protocol != "grpc" {
            r.refuse(format!("OTEL_EXPORTER_OTLP_PROTOCOL: {protocol:?} is not built in; use grpc, usually port 4317"));
        }
        let everything: Option<Uri> = r.standard_optional(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "Collector, such as http://127.0.0.1:4317. Unset: no export.",
        );
        let certificate: Option<PathBuf> = r.standard_optional(
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "PEM file of the collector's authority, for https://.",
        );
        let signal = |r: &mut Reader<'_>, exporter: &str, endpoint: &str| -> Option<Export> {
            let chosen: String =
                r.standard(exporter, "otlp", "Where this signal goes: otlp or none.");
            let own: Option<Uri> =
                r.standard_optional(endpoint, "Collector for this signal alone.");
            match chosen.as_str() {
                "otlp" => {}
                "none" => return None,
                other => r.refuse(format!("{exporter}: {other:?} is neither otlp nor none")),
            }
            let endpoint = own.or_else(|| everything.clone()).filter(|_| !disabled)?;
            Some(Export { endpoint, certificate: certificate.clone() })
        };
        let traces = signal(r, "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let metrics = signal(r, "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
        let logs = signal(r, "OTEL_LOGS_EXPORTER", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT");
        Self {
            service,
            environment: r
                .global_optional("ENVIRONMENT", "deployment.environment.name of all telemetry."),
            traces,
            metrics,
            logs,
            sampling: Sampling::read(r),
            propagate: propagate(r),
            log: log(r),
            log_json: log_json(r),
        }
    }
}

fn propagate(r: &mut Reader<'_>) -> bool {
    let list: String = r.standard(
        "OTEL_PROPAGATORS",
        "tracecontext,baggage",
        "tracecontext or none; baggage is neither read nor sent.",
    );
    let mut found = false;
    for name in list.split(',').map(str::trim) {
        match name {
            "tracecontext" => found = true,
            "none" | "baggage" => {}
            other => r.refuse(format!(
                "OTEL_PROPAGATORS: {other:?} is not built in; use tracecontext or none"
            )),
        }
    }
    found
}

fn log(r: &mut Reader<'_>) -> String {
    let filter: String =
        r.global("LOG", "info", "Which log lines to write: info, or warn,ingest=debug.");
    if let Some(why) = super::logs::refusal(&filter) {
        r.refuse(why);
    }
    filter
}

fn log_json(r: &mut Reader<'_>) -> bool {
    let format: String = r.global("LOG_FORMAT", "text", "How log lines look: text or json.");
    if !matches!(format.as_str(), "text" | "json") {
        r.refuse(format!("TALLY_LOG_FORMAT: {format:?} is neither text nor json"));
    }
    format == "json"
}
