//! Who is speaking: the same for all three signals.

use kernel::{IdSource, hex};
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

use super::Settings;
use crate::attr;

const NAMESPACE: &str = "tallystick";

/// Our own names stand over `OTEL_RESOURCE_ATTRIBUTES`; what it adds stays.
pub(super) fn describe(settings: &Settings, ids: &dyn IdSource) -> Resource {
    let mut attributes = vec![
        KeyValue::new(attr::SERVICE_NAMESPACE, NAMESPACE),
        KeyValue::new(attr::SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
        KeyValue::new(attr::SERVICE_INSTANCE_ID, uuid_v4(ids)),
    ];
    if let Some(environment) = &settings.environment {
        attributes.push(KeyValue::new(attr::DEPLOYMENT_ENVIRONMENT_NAME, environment.clone()));
    }
    Resource::builder()
        .with_service_name(settings.service.clone())
        .with_schema_url(attributes, attr::SCHEMA_URL)
        .build()
}

/// Name, namespace and instance together are unique in the world, as the conventions ask: one for every
/// start of a process.
fn uuid_v4(ids: &dyn IdSource) -> String {
    let mut bytes = [0; 16];
    ids.fill(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
