//! Edges of windows as people write them: an instant, or the day that begins there.

use std::str::FromStr;

use jiff::civil::Date;
use kernel::{Malformed, Timestamp};

/// Letters of a day: 2026-01-31.
const DAY: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    At(Timestamp),
    /// Midnight, in a zone that is said beside it.
    Day(Date),
}

impl Edge {
    /// The instant. A day needs a zone: that of the workspace only its services know.
    pub(crate) fn instant(self, zone: Option<&str>) -> Result<Timestamp, String> {
        let day = match self {
            Self::At(at) => return Ok(at),
            Self::Day(day) => day,
        };
        let Some(name) = zone else {
            return Err(format!(
                "{day} begins at another instant in every zone: write {day}T00:00:00Z, or name the zone with --zone"
            ));
        };
        let zone = kernel::zone(name).map_err(|malformed| malformed.to_string())?;
        let begins = day.to_zoned(zone).map_err(|_| format!("{day} is out of range"))?;
        Ok(Timestamp::from_micros(begins.timestamp().as_microsecond()))
    }
}

impl FromStr for Edge {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text.parse::<Date>() {
            // A date with a time behind it is a date to the parser too.
            Ok(day) if text.len() == DAY => Ok(Self::Day(day)),
            _ => text.parse().map(Self::At),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn instant(text: &str, zone: Option<&str>) -> Result<String, String> {
        text.parse::<Edge>().unwrap().instant(zone).map(|at| at.to_string())
    }

    #[test]
    fn a_day_begins_at_midnight_of_the_zone_that_is_named() {
        let amsterdam = Some("Europe/Amsterdam");
        assert_eq!(instant("2026-11-01", amsterdam).unwrap(), "2026-10-31T23:00:00Z");
        assert_eq!(instant("2026-11-01", Some("UTC")).unwrap(), "2026-11-01T00:00:00Z");
        let at = "2026-11-01T00:00:00Z";
        assert_eq!(instant(at, amsterdam).unwrap(), at, "an instant is one everywhere");
        assert!(instant("2026-11-01", Some("Mars/Olympus")).unwrap_err().contains("IANA"));
        assert!("2026-11-01T00:00:00".parse::<Edge>().is_err());
    }

    #[test]
    fn a_day_of_no_zone_is_refused_with_what_to_write() {
        let told = instant("2026-11-01", None).unwrap_err();
        assert!(told.contains("write 2026-11-01T00:00:00Z") && told.contains("--zone"), "{told}");
    }
}
