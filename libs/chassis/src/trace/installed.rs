//! The tracer of this process, once telemetry is on.

use std::sync::{PoisonError, RwLock};

use opentelemetry_sdk::trace::SdkTracer;

/// Not OpenTelemetry's global: that one boxes every span, and never forgets a provider.
static TRACER: RwLock<Option<SdkTracer>> = RwLock::new(None);

/// `None` turns tracing off again.
pub(crate) fn install(tracer: Option<SdkTracer>) {
    *TRACER.write().unwrap_or_else(PoisonError::into_inner) = tracer;
}

pub(crate) fn tracer() -> Option<SdkTracer> {
    TRACER.read().unwrap_or_else(PoisonError::into_inner).clone()
}
