//! The limits of DESIGN 3, with the words a refusal uses: the limit, and what was sent.

use std::ops::RangeInclusive;
use std::time::Duration;

use kernel::Timestamp;

pub(crate) const EVENT_BYTES_MAX: usize = 32 * 1024;
pub(crate) const CALL_BYTES_MAX: usize = 1024 * 1024;
/// A million units for one step, call or bill: more is a unit mix-up, and nine million of the dearest still
/// fit one sum of 64 bits.
pub(crate) const MONEY_MICROS_MAX: i64 = 1_000_000_000_000;
pub(crate) const CALL_EVENTS_MAX: usize = 1_000;
pub(crate) const IDENTIFIER_BYTES_MAX: usize = 255;
pub(crate) const TEXT_BYTES_MAX: usize = 1024;
pub(crate) const LIST_ITEMS_MAX: usize = 32;
pub(crate) const HASH_BYTES_MAX: usize = 64;
pub(crate) const TASK_TYPE_BYTES_MAX: usize = 64;
pub(crate) const METADATA_PAIRS_MAX: usize = 32;
pub(crate) const METADATA_KEY_BYTES_MAX: usize = 64;
pub(crate) const METADATA_VALUE_BYTES_MAX: usize = 1024;
pub(crate) const METADATA_BYTES_MAX: usize = 8 * 1024;
/// A day: longer is not one step.
pub(crate) const STEP_MS_MAX: i64 = 86_400_000;
const SECONDS: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
pub(crate) const PAST_MAX: Duration = Duration::from_secs(90 * 86_400);
pub(crate) const FUTURE_MAX: Duration = Duration::from_secs(86_400);

/// Whether entries of this kind (the field number of an event's body) correct others: outcome_revised and
/// retracted.
pub(crate) const fn is_correction(kind: i16) -> bool {
    matches!(kind, 11 | 12)
}

/// Kind of a call_denied. These use nothing of a workspace's month: the guard records them of its own
/// accord, and counting behind the ledger sees what an entry is, not who had it recorded.
pub(crate) const CALL_DENIED: i16 = 36;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Breach {
    Missing,
    TooLarge { limit: usize, sent: usize, unit: &'static str },
    ControlCharacter,
    OutOfRange(String),
}

impl Breach {
    /// For people: the limit, what was sent, what to do.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Missing => "is required and was empty".to_owned(),
            Self::TooLarge { limit, sent, unit } => {
                format!("takes at most {limit} {unit}; {sent} were sent")
            }
            Self::ControlCharacter => "takes no control characters; one was sent".to_owned(),
            Self::OutOfRange(what) => what.clone(),
        }
    }
}

/// An identifier that may be empty: at most 255 bytes, no control characters.
pub(crate) fn identifier(text: &str) -> Result<(), Breach> {
    text_of(text, IDENTIFIER_BYTES_MAX)
}

/// An identifier that may not.
pub(crate) fn required(text: &str) -> Result<(), Breach> {
    if text.is_empty() { Err(Breach::Missing) } else { identifier(text) }
}

/// Free text, at most `limit` bytes, no control characters but line breaks and tabs.
pub(crate) fn text_of(text: &str, limit: usize) -> Result<(), Breach> {
    if text.len() > limit {
        return Err(Breach::TooLarge { limit, sent: text.len(), unit: "bytes" });
    }
    let line = |c: char| matches!(c, '\n' | '\t' | '\r') && limit > IDENTIFIER_BYTES_MAX;
    if text.chars().any(|c| c.is_control() && !line(c)) {
        return Err(Breach::ControlCharacter);
    }
    Ok(())
}

/// A whole number of milliseconds, `min` to a day.
pub(crate) fn step_ms(value: i64, min: i64) -> Result<(), Breach> {
    if (min..=STEP_MS_MAX).contains(&value) {
        return Ok(());
    }
    Err(Breach::OutOfRange(format!(
        "is {min} to {STEP_MS_MAX} milliseconds (a day); {value} was sent"
    )))
}

/// Seconds since 1970 of a moment that protobuf has: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
pub(crate) fn seconds(sent: i64) -> Result<(), Breach> {
    if SECONDS.contains(&sent) {
        return Ok(());
    }
    let (first, last) = (SECONDS.start(), SECONDS.end());
    Err(Breach::OutOfRange(format!(
        "is {first} to {last} seconds since 1970 (years 1 to 9999); {sent} was sent. Are these \
         milliseconds?"
    )))
}

/// When something may have happened, seen from `now`. `None` for `past` lifts the bound.
pub(crate) fn occurred(
    at: Timestamp,
    now: Timestamp,
    past: Option<Duration>,
) -> Result<(), Breach> {
    if past.is_some_and(|past| at < now.minus(past)) {
        let what = "lies at most 90 days back (a key with the BACKFILL scope lifts that)";
        return Err(Breach::OutOfRange(format!("{what}; {at} was sent, it is {now}")));
    }
    if at > now.plus(FUTURE_MAX) {
        let what = "lies at most 24 hours ahead";
        return Err(Breach::OutOfRange(format!("{what}; {at} was sent, it is {now}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_ends_at_255_bytes_not_characters() {
        assert_eq!(required(&"x".repeat(255)), Ok(()));
        assert!(matches!(required(&"é".repeat(128)), Err(Breach::TooLarge { sent: 256, .. })));
        assert_eq!(required(""), Err(Breach::Missing));
        assert_eq!(identifier("a\nb"), Err(Breach::ControlCharacter));
    }

    #[test]
    fn time_has_two_bounds_and_one_can_be_lifted() {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let old = now.minus(PAST_MAX).minus(Duration::from_micros(1));
        assert_eq!(occurred(now.minus(PAST_MAX), now, Some(PAST_MAX)), Ok(()));
        assert!(occurred(old, now, Some(PAST_MAX)).is_err());
        assert_eq!(occurred(old, now, None), Ok(()));
        assert!(occurred(now.plus(FUTURE_MAX).plus(Duration::from_micros(1)), now, None).is_err());
    }
}
