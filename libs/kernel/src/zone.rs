//! Names of time zones: where people live, the same wherever they are looked up.

use jiff::tz::TimeZone;

use crate::Malformed;

/// What zone files lie beside that is no zone: what the machine they lie on is set to, and a placeholder.
const NO_PLACES: [&str; 3] = ["localtime", "posixrules", "Factory"];

/// The IANA zone of that name.
pub fn zone(text: &str) -> Result<TimeZone, Malformed> {
    named(text).map(|(zone, _)| zone)
}

/// The name of an IANA zone as the zone's own files spell it; `europe/amsterdam` is Europe/Amsterdam.
pub fn zone_name(text: &str) -> Result<String, Malformed> {
    named(text).map(|(_, name)| name)
}

fn named(text: &str) -> Result<(TimeZone, String), Malformed> {
    let malformed = || Malformed::new("an IANA zone such as Europe/Amsterdam, not an offset", text);
    let zone = TimeZone::get(text).map_err(|_| malformed())?;
    let name = zone.iana_name().filter(|_| !zone.is_unknown()).ok_or_else(malformed)?.to_owned();
    // The same rules under another root; `right/` counts leap seconds, which no clock here does.
    let elsewhere = ["posix/", "right/"].iter().any(|root| name.starts_with(root));
    let nowhere = NO_PLACES.iter().any(|none| none.eq_ignore_ascii_case(&name));
    if elsewhere || nowhere { Err(malformed()) } else { Ok((zone, name)) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_named_as_its_files_spell_it() {
        for sent in ["Europe/Amsterdam", "europe/amsterdam", "EUROPE/AMSTERDAM"] {
            assert_eq!(zone_name(sent).unwrap(), "Europe/Amsterdam");
        }
        assert_eq!(zone_name("utc").unwrap(), "UTC");
    }

    #[test]
    fn an_offset_or_what_a_machine_is_set_to_is_no_zone() {
        for bad in
            ["", "+01:00", "CEST", "localtime", "Localtime", "Factory", "posixrules", "Etc/Unknown"]
        {
            assert!(zone_name(bad).is_err(), "{bad}");
        }
    }
}
