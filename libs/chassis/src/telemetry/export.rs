//! The exporters. Each signal has a bounded queue and a thread of its own; calls only ever queue.

use std::fmt::Display;

use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use super::{Export, Sampling};
use crate::StartError;

pub(super) fn traces(
    export: &Export,
    resource: Resource,
    sampling: Sampling,
) -> Result<SdkTracerProvider, StartError> {
    let exporter = SpanExporter::builder().with_tonic().with_channel(channel(export)?).build();
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(sampling.sampler())
        .with_batch_exporter(exporter.map_err(|error| broken(export, error))?)
        .build())
}

pub(super) fn metrics(export: &Export, resource: Resource) -> Result<SdkMeterProvider, StartError> {
    let exporter = MetricExporter::builder().with_tonic().with_channel(channel(export)?).build();
    Ok(SdkMeterProvider::builder()
        .with_resource(resource)
        .with_periodic_exporter(exporter.map_err(|error| broken(export, error))?)
        .build())
}

pub(super) fn logs(export: &Export, resource: Resource) -> Result<SdkLoggerProvider, StartError> {
    let exporter = LogExporter::builder().with_tonic().with_channel(channel(export)?).build();
    Ok(SdkLoggerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter.map_err(|error| broken(export, error))?)
        .build())
}

/// A plain channel, not one of ours: telemetry about telemetry would never end.
fn channel(export: &Export) -> Result<Channel, StartError> {
    let endpoint = Endpoint::from(export.endpoint.clone());
    if export.endpoint.scheme_str() != Some("https") {
        return Ok(endpoint.connect_lazy());
    }
    let Some(path) = &export.certificate else {
        return Err(StartError::new(format!(
            "the collector {} needs OTEL_EXPORTER_OTLP_CERTIFICATE: a PEM file of its authority",
            export.endpoint
        )));
    };
    crate::tls::use_ring();
    let pem = std::fs::read(path).map_err(|error| {
        StartError::new(format!(
            "could not read {}, named by OTEL_EXPORTER_OTLP_CERTIFICATE",
            path.display()
        ))
        .because(error)
    })?;
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
    let endpoint = endpoint.tls_config(tls).map_err(|error| broken(export, error))?;
    Ok(endpoint.connect_lazy())
}

fn broken(export: &Export, error: impl Display) -> StartError {
    StartError::new(format!("cannot export telemetry to {}: {error}", export.endpoint))
}
