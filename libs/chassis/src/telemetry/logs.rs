//! Log lines: to stderr for people, to the collector with their trace id.

use std::io::IsTerminal as _;

use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::Settings;
use crate::StartError;

/// What the exporters themselves log when they export: exported again, it never ends.
const QUIET: [&str; 6] = ["h2", "hyper", "tonic", "tower", "reqwest", "opentelemetry"];

/// The first subscriber of a process stays: tests install telemetry more than once.
pub(super) fn install(
    settings: &Settings,
    provider: Option<&SdkLoggerProvider>,
) -> Result<(), StartError> {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines: Box<dyn Layer<Registry> + Send + Sync> = if settings.log_json {
        lines.json().flatten_event(true).with_filter(filter(&settings.log)?).boxed()
    } else {
        lines.with_filter(filter(&settings.log)?).boxed()
    };
    let exported = match provider {
        Some(provider) => {
            let quiet: String = QUIET.iter().map(|target| format!(",{target}=warn")).collect();
            let filter = filter(&format!("{}{quiet}", settings.log))?;
            Some(OpenTelemetryTracingBridge::new(provider).with_filter(filter))
        }
        None => None,
    };
    let _ = tracing_subscriber::registry().with(lines).with(exported).try_init();
    Ok(())
}

fn filter(directives: &str) -> Result<EnvFilter, StartError> {
    EnvFilter::try_new(directives).map_err(|error| {
        StartError::new(format!(
            "TALLY_LOG: {directives:?} is not a filter like info or warn,ingest=debug"
        ))
        .because(error)
    })
}

/// Why `directives` filter nothing, to be said with whatever else is wrong with the settings.
pub(super) fn refusal(directives: &str) -> Option<String> {
    filter(directives).err().map(|error| error.to_string())
}
