//! Telemetry that is off, that hangs, and that is told where to go by variables.
#![expect(clippy::unwrap_used, reason = "tests")]

mod probe;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chassis::config::Reader;
use chassis::telemetry::{Sampling, Settings, Telemetry};
use chassis::{OsIds, trace};
use probe::{Probe, ask, context, guard};
use tokio::net::TcpListener;

/// More than the queue of the exporter holds.
const CALLS: usize = 3_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_neither_a_call_nor_the_exit() {
    // Accepts at the kernel, never speaks.
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let collector = format!("http://{}", hanging.local_addr().unwrap()).parse().unwrap();
    let telemetry = Telemetry::install(&Settings::to("probe", collector), &OsIds).unwrap();
    let ctx = context(|_| {});
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    let mut guard = guard(&server);
    let mut slowest = Duration::ZERO;
    for _ in 0..CALLS {
        let began = Instant::now();
        guard.check_call(ask("echo")).await.unwrap();
        slowest = slowest.max(began.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let began = Instant::now();
    telemetry.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    assert!(trace::span("after").root().start().context().is_none());
}

fn read(vars: &[(&str, &str)]) -> (Settings, Result<(), String>) {
    let vars: BTreeMap<String, String> =
        vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut reader = Reader::new(&vars, "PROBE");
    let settings = Settings::read(&mut reader, "probe");
    (settings, reader.finish().map(drop).map_err(|errors| errors.to_string()))
}

#[test]
fn export_is_off_unless_a_collector_is_named() {
    let (settings, read_well) = read(&[]);
    assert_eq!(read_well, Ok(()));
    assert!(settings.traces.is_none() && settings.metrics.is_none() && settings.logs.is_none());
    assert_eq!(settings.sampling, Sampling { ratio: 1.0, parent_based: true });
}

#[test]
fn the_standard_variables_decide_signal_by_signal() {
    let (settings, read_well) = read(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics:4317"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_SERVICE_NAME", "renamed"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
        ("OTEL_PROPAGATORS", "none"),
    ]);
    assert_eq!(read_well, Ok(()));
    assert_eq!(settings.traces.unwrap().endpoint, "http://collector:4317");
    assert_eq!(settings.metrics.unwrap().endpoint, "http://metrics:4317");
    assert!(settings.logs.is_none());
    assert_eq!(settings.service, "renamed");
    assert_eq!(settings.sampling, Sampling { ratio: 0.01, parent_based: true });
    assert!(!settings.propagate);

    let (disabled, _) = read(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"),
        ("OTEL_SDK_DISABLED", "true"),
    ]);
    assert!(disabled.traces.is_none() && disabled.metrics.is_none() && disabled.logs.is_none());
}

#[test]
fn what_is_not_built_in_is_refused_by_name() {
    let (_, read_well) = read(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_PROPAGATORS", "b3"),
    ]);
    let errors = read_well.unwrap_err();
    for name in [
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_TRACES_EXPORTER",
        "OTEL_TRACES_SAMPLER",
        "OTEL_PROPAGATORS",
    ] {
        assert!(errors.contains(name), "{errors}");
    }
}
