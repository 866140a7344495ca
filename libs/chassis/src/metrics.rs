//! Metrics by OTLP. Instruments are made once, after telemetry is installed, and kept.

use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry::{InstrumentationScope, KeyValue, global};
use tonic::Code;

use crate::attr;
use crate::layer::{Method, code_name};

/// The meter instruments are made from. One made before telemetry is installed stays silent for ever.
#[must_use]
pub fn meter() -> Meter {
    let scope = InstrumentationScope::builder("tally")
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(attr::SCHEMA_URL)
        .build();
    global::meter_with_scope(scope)
}

/// A duration in seconds with the buckets the conventions give.
#[must_use]
pub fn duration(name: &'static str, description: &'static str) -> Histogram<f64> {
    meter()
        .f64_histogram(name)
        .with_unit("s")
        .with_description(description)
        .with_boundaries(attr::DURATION_BOUNDS.to_vec())
        .build()
}

/// The duration of calls, on either side.
#[derive(Clone)]
pub(crate) struct Calls(Histogram<f64>);

impl Calls {
    pub(crate) fn server() -> Self {
        Self(duration(
            attr::RPC_SERVER_CALL_DURATION,
            "Duration of calls we answer, to their trailers.",
        ))
    }

    pub(crate) fn client() -> Self {
        Self(duration(
            attr::RPC_CLIENT_CALL_DURATION,
            "Duration of calls we make, to their trailers.",
        ))
    }

    pub(crate) fn record(&self, seconds: f64, method: Method, code: Code, failed: bool) {
        let code = code_name(code);
        let attributes = [
            KeyValue::new(attr::RPC_SYSTEM_NAME, attr::GRPC),
            KeyValue::new(attr::RPC_METHOD, method.name()),
            KeyValue::new(attr::RPC_STATUS_CODE, code),
            KeyValue::new(attr::ERROR_TYPE, code),
        ];
        let known = if failed { attributes.len() } else { attributes.len() - 1 };
        self.0.record(seconds, &attributes[..known]);
    }
}
