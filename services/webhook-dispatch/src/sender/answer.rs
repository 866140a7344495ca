//! Reading an answer: the status decides, the rest is for people.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderMap, RETRY_AFTER};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use kernel::Clock;

use super::guard::Unresolved;
use crate::domain::Verdict;

/// Read at most, so that a large answer costs nothing but its connection.
const READ_BYTES_MAX: usize = 20_000;
/// Kept of it.
const KEPT_BYTES_MAX: usize = 4_096;
/// How long an answer's body may dawdle behind its status.
const BODY_TIME_MAX: Duration = Duration::from_secs(2);
const ERROR_CHARS_MAX: usize = 200;

/// What was seen of an answer.
pub(super) struct Seen {
    pub(super) verdict: Verdict,
    pub(super) status: Option<u16>,
    pub(super) body: String,
    pub(super) error: String,
    pub(super) retry_after: Option<Duration>,
}

impl Seen {
    pub(super) fn nothing(verdict: Verdict, error: String) -> Self {
        let error = plain(&error).chars().take(ERROR_CHARS_MAX).collect();
        Self { verdict, status: None, body: String::new(), error, retry_after: None }
    }

    pub(super) fn timed_out() -> Self {
        let seconds = super::TOTAL.as_secs();
        Self::nothing(Verdict::TimedOut, format!("no answer within {seconds} seconds"))
    }

    pub(super) fn failed(error: &(dyn Error + 'static)) -> Self {
        if let Some(unresolved) = chain(error).find_map(|e| e.downcast_ref::<Unresolved>()) {
            let verdict = match unresolved {
                Unresolved::Forbidden => Verdict::ForbiddenAddress,
                Unresolved::Unknown => Verdict::Unreachable,
            };
            return Self::nothing(verdict, unresolved.to_string());
        }
        // The innermost cause is the one people recognise: "connection refused", "invalid certificate".
        let cause = match chain(error).find_map(|e| e.downcast_ref::<io::Error>()) {
            Some(io) if io.raw_os_error().is_some() => io.kind().to_string(),
            _ => chain(error).last().map(ToString::to_string).unwrap_or_default(),
        };
        Self::nothing(Verdict::Unreachable, cause)
    }

    pub(super) async fn read(response: http::Response<Incoming>, clock: &dyn Clock) -> Self {
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let verdict = match status {
            StatusCode::GONE => Verdict::Gone,
            status if status.is_success() => Verdict::Delivered,
            _ => Verdict::Refused,
        };
        let mut kept = Vec::new();
        // The answer has been given; a body that drips, breaks or never ends changes nothing about it.
        tokio::select! {
            () = keep(response.into_body(), &mut kept) => {}
            () = clock.sleep_until(clock.now().plus(BODY_TIME_MAX)) => {}
        }
        let body = plain(&String::from_utf8_lossy(&kept));
        Self { verdict, status: Some(status.as_u16()), body, error: String::new(), retry_after }
    }

    /// The word metrics count it under.
    pub(super) fn outcome(&self) -> &'static str {
        match self.verdict {
            Verdict::Delivered => "delivered",
            Verdict::Refused => "refused",
            Verdict::Gone => "gone",
            Verdict::TimedOut => "timeout",
            Verdict::Unreachable => "unreachable",
            Verdict::ForbiddenAddress => "forbidden_address",
        }
    }

    /// The value of `error.type`: the status where there is one, as the conventions ask.
    pub(super) fn error_type(&self) -> Option<Cow<'static, str>> {
        match (self.verdict, self.status) {
            (Verdict::Delivered, _) => None,
            (_, Some(status)) => Some(status.to_string().into()),
            (_, None) => Some(self.outcome().into()),
        }
    }
}

/// The error, its cause, the cause of that, and so on.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |e: &&'e (dyn Error + 'static)| (*e).source())
}

async fn keep(mut body: Incoming, kept: &mut Vec<u8>) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else { continue };
        read += data.len();
        let room = KEPT_BYTES_MAX - kept.len();
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if read >= READ_BYTES_MAX {
            return;
        }
    }
}

/// Text a database takes and a terminal survives: line breaks stay, other control characters go.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && !matches!(c, '\n' | '\t') {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

/// Seconds, or a date; a date is measured against the answer's own clock where it has one.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    let sent = date(headers.get(http::header::DATE)?.to_str().ok()?)?;
    Duration::try_from(date(text)?.duration_since(sent)).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        retry_after(&headers)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(asked(&[("retry-after", " 120 ")]), Some(Duration::from_secs(120)));
        let (then, now) = ("Wed, 21 Oct 2015 07:29:30 GMT", "Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(asked(&[("retry-after", then), ("date", now)]), Some(Duration::from_secs(90)));
        assert_eq!(asked(&[("retry-after", now), ("date", then)]), None, "in the past");
        for nonsense in ["", "soon", "-5", "1e9"] {
            assert_eq!(asked(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
    }

    #[test]
    fn what_is_kept_is_text() {
        assert_eq!(plain("a\0b\n\u{1b}[31m"), "a\u{fffd}b\n\u{fffd}[31m");
    }
}
