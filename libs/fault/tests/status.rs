//! What a caller sees of a fault, and what it must not see.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fault::{Code, ErrorReason, Fault, Violations, reason_of};
use tonic::Status;
use tonic_types::StatusExt as _;
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata, span};

#[test]
fn every_violation_is_named_in_one_refusal() {
    let mut violations = Violations::new();
    let parsed = violations.take("limit", "many".parse::<u32>());
    assert!(parsed.is_none());
    violations.add("agent_id", ErrorReason::Required, "is empty; name the agent that did the work");
    let mut inner = Violations::new();
    inner.add("ticket.ticket_id", ErrorReason::TooLarge, "is 300 bytes; the limit is 255");
    inner.add("", ErrorReason::TooLarge, "is 40,000 bytes; the limit is 32,768");
    violations.nest("events[3]", inner);

    let status = Status::from(violations.into_fault());

    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    let violations = status.get_details_bad_request().unwrap().field_violations;
    let named: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.reason.as_str())).collect();
    assert_eq!(
        named,
        [
            ("limit", "INVALID_FIELD"),
            ("agent_id", "REQUIRED"),
            ("events[3].ticket.ticket_id", "TOO_LARGE"),
            ("events[3]", "TOO_LARGE"),
        ]
    );
    assert_eq!(
        status.message(),
        "limit: invalid digit found in string (and 3 more; see the details)"
    );
}

#[test]
fn details_stay_inside_the_header_budget_and_say_what_was_left_out() {
    let mut violations = Violations::new();
    for index in 0..1_000 {
        violations.add(format!("events[{index}].agent_id"), ErrorReason::Required, "is empty");
    }
    let status = Status::from(violations.into_fault());
    assert!(status.details().len() < 8 * 1024, "{} bytes", status.details().len());
    let sent = status.get_details_bad_request().unwrap().field_violations.len();
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["violations_left_out"], (1_000 - sent).to_string());
}

#[test]
fn the_error_info_names_reason_domain_and_metadata() {
    let fault =
        Fault::exists(ErrorReason::IdempotencyConflict, "the key was used for another event")
            .with("idempotency_key", "k-1");
    let status = Status::from(fault);
    let info = status.get_details_error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("IDEMPOTENCY_CONFLICT", "tally"));
    assert_eq!(info.metadata["idempotency_key"], "k-1");
    assert_eq!(reason_of(&status), Some(ErrorReason::IdempotencyConflict));
}

#[test]
fn a_retry_hint_travels_as_retry_info() {
    let fault = Fault::exhausted(ErrorReason::Overloaded, "too much is queued")
        .retry_after(Duration::from_millis(250));
    let status = Status::from(fault);
    assert_eq!(
        status.get_details_retry_info().unwrap().retry_delay,
        Some(Duration::from_millis(250))
    );
}

#[test]
fn the_cause_is_logged_once_and_never_sent() {
    let log = Log::default();
    let status = tracing::subscriber::with_default(log.clone(), || {
        let cause = io::Error::other("password=hunter2 rejected by 10.0.0.7");
        Status::from(Fault::internal("could not save the baseline").because(cause))
    });

    let sent = format!("{status:?} {}", String::from_utf8_lossy(status.details()));
    assert!(!sent.contains("hunter2"), "{sent}");
    assert_eq!(status.message(), "could not save the baseline");
    let lines = log.0.lock().unwrap().clone();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].0, Level::ERROR);
    assert!(lines[0].1.contains("hunter2"), "{}", lines[0].1);
}

#[test]
fn refusals_do_not_shout() {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        Status::from(Fault::not_found(ErrorReason::ResourceNotFound, "no such ticket"))
    });
    assert_eq!(log.0.lock().unwrap()[0].0, Level::DEBUG);
}

#[test]
fn a_refusal_without_violations_is_still_a_refusal() {
    assert_eq!(Fault::invalid(Violations::new()).code(), Code::InvalidArgument);
    assert!(Violations::new().finish().is_ok());
}

/// A subscriber that keeps every event as (level, all fields).
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Level, String)>>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{field}={value:?} "));
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push((*event.metadata().level(), text.0));
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_refusal_that_repeats_long_input_still_arrives_as_itself() {
    let long = "é".repeat(20_000);
    let mut violations = Violations::new();
    violations.add("time_zone", ErrorReason::InvalidField, format!("{long} is no zone"));
    for status in [
        Status::from(violations.into_fault()),
        Status::from(
            Fault::not_found(ErrorReason::ResourceNotFound, long.clone()).with("resource", &long),
        ),
    ] {
        assert!(status.message().len() + status.details().len() < 8 * 1024);
        assert!(fault::reason_of(&status).is_some());
    }
}
