//! An error with all its causes in one line, for a log.

use std::error::Error;
use std::fmt::Write as _;

use tonic::Status;

/// The whole chain of an error: the outermost sentence alone seldom names the culprit.
///
/// A status is told by its code and message. Its `Display` adds the encoded details and every header of
/// the answer, which fill a screen and say nothing to whoever reads the log.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = sentence(error);
    let mut source = error.source();
    while let Some(inner) = source {
        let more = sentence(inner);
        // Some errors repeat their cause in their own sentence.
        if !text.ends_with(&more) {
            let _ = write!(text, ": {more}");
        }
        source = inner.source();
    }
    text
}

fn sentence(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<Status>() {
        Some(status) if status.message().is_empty() => format!("{:?}", status.code()),
        Some(status) => format!("{:?}: {}", status.code(), status.message()),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorReason, Fault};

    #[test]
    fn a_status_is_told_in_one_short_sentence() {
        let fault = Fault::unauthenticated(ErrorReason::UnknownCredentials, "no such key");
        let status = Status::from(fault.with("service", "ingest"));
        assert_eq!(chain(&status), "Unauthenticated: no such key");
        assert_eq!(chain(&Status::unavailable("")), "Unavailable");
    }

    #[test]
    fn causes_follow_and_none_is_said_twice() {
        let refused = std::io::Error::other("connection refused");
        assert_eq!(chain(&std::io::Error::other(refused)), "connection refused");
        let status = Status::from_error(Box::new(std::io::Error::other("gone")));
        assert_eq!(chain(&status), "Unknown: gone");
    }
}
