//! Deadlines: read from `grpc-timeout`, carried with the running span, passed on shortened.
//!
//! tonic times out the handler only, and its client sends no `grpc-timeout` of its own accord. Ours
//! covers the call from its first byte to its trailers, on both sides.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use opentelemetry::Context;
use tokio::time::Instant;

const HEADER: &str = "grpc-timeout";

/// What a call passed on leaves for the way back.
const RETURN_ALLOWANCE: Duration = Duration::from_millis(10);

/// By how much our server is earlier than tonic's own timeout, which answers CANCELLED.
const AHEAD_OF_TONIC: Duration = Duration::from_millis(2);

/// The moment the caller stops waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Instant);

/// What the caller of the running call still grants; `None` when it set no deadline. Long waits inside
/// a handler must end before it.
#[must_use]
pub fn remaining() -> Option<Duration> {
    Context::map_current(|cx| cx.get::<Deadline>().copied())
        .map(|deadline| deadline.0.saturating_duration_since(Instant::now()))
}

/// From the headers of an incoming call.
pub(crate) fn incoming(headers: &HeaderMap) -> Option<Deadline> {
    let timeout = parse(headers.get(HEADER)?.to_str().ok()?)?.saturating_sub(AHEAD_OF_TONIC);
    // A deadline beyond the reach of the clock is none.
    Instant::now().checked_add(timeout).map(Deadline)
}

/// Settles the deadline of an outgoing call and writes it into its headers: the caller's own
/// (`Request::set_timeout`), else `default`, and never more than what the running call still has.
pub(crate) fn outgoing(headers: &mut HeaderMap, default: Option<Duration>) -> Option<Deadline> {
    let own = headers.get(HEADER).and_then(|value| value.to_str().ok()).and_then(parse).or(default);
    let inherited = remaining().map(|left| left.saturating_sub(RETURN_ALLOWANCE));
    let timeout = match (own, inherited) {
        (Some(own), Some(inherited)) => own.min(inherited),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => return None,
    };
    headers.insert(HEADER, format(timeout));
    Instant::now().checked_add(timeout).map(Deadline)
}

/// At most eight digits and a unit, as gRPC has it.
fn parse(text: &str) -> Option<Duration> {
    let split = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at))?;
    let (digits, unit) = text.split_at(split);
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

fn format(timeout: Duration) -> HeaderValue {
    const MAX: u128 = 99_999_999;
    let text = [
        (timeout.as_micros(), 'u'),
        (timeout.as_millis(), 'm'),
        (u128::from(timeout.as_secs()), 'S'),
    ]
    .into_iter()
    .find(|(number, _)| *number <= MAX)
    .map_or_else(|| format!("{MAX}S"), |(number, unit)| format!("{number}{unit}"));
    HeaderValue::try_from(text).expect("digits and a letter are a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("1H"), Some(Duration::from_secs(3_600)));
        for wrong in ["", "m", "123456789S", "+1S", "5x", "1é"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_never_longer() {
        for timeout in [0, 1, 99_999_999, 100_000_000, 86_400_000_000].map(Duration::from_micros) {
            let header = format(timeout);
            let read = parse(header.to_str().expect("ascii")).expect("ours");
            assert!(
                read <= timeout && timeout - read < Duration::from_millis(1),
                "{timeout:?} {read:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_call_passed_on_gets_what_is_left_less_the_way_back() {
        let deadline = Deadline(Instant::now() + Duration::from_secs(2));
        let _inside = Context::new().with_value(deadline).attach();
        let mut headers = HeaderMap::new();
        outgoing(&mut headers, Some(Duration::from_secs(10)));
        let sent = parse(headers[HEADER].to_str().expect("ascii")).expect("ours");
        assert!(
            sent <= Duration::from_millis(1_990) && sent > Duration::from_millis(1_500),
            "{sent:?}"
        );
    }

    #[test]
    fn a_call_of_its_own_gets_the_default_and_a_stream_gets_none() {
        let mut headers = HeaderMap::new();
        assert!(outgoing(&mut headers, None).is_none());
        assert!(!headers.contains_key(HEADER));
    }
}
