//! google.protobuf.Timestamp with the JSON the mapping asks for: RFC 3339 ending in `Z`, with 0, 3, 6 or
//! 9 digits. (The type of pbjson-types writes `+00:00`, which strict readers refuse.)

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment, as protobuf has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Timestamp {
    /// Seconds since 1970 UTC.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds behind them, 0 to 999,999,999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// Seconds and the nanoseconds behind them, as `kernel::Timestamp::parts` gives them.
impl From<(i64, i32)> for Timestamp {
    fn from((seconds, nanos): (i64, i32)) -> Self {
        Self { seconds, nanos }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at =
            jiff::Timestamp::new(self.seconds, self.nanos).map_err(serde::ser::Error::custom)?;
        let digits = match self.nanos {
            0 => 0,
            n if n % 1_000_000 == 0 => 3,
            n if n % 1_000 == 0 => 6,
            _ => 9,
        };
        serializer.collect_str(&format_args!("{at:.digits$}"))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rfc3339;
        impl Visitor<'_> for Rfc3339 {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time such as 2026-01-31T09:00:00Z")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                let at: jiff::Timestamp = text.parse().map_err(E::custom)?;
                let (seconds, nanos) = (at.as_second(), at.subsec_nanosecond());
                // jiff counts nanoseconds backwards before 1970, protobuf always forwards.
                if nanos < 0 {
                    return Ok(Timestamp { seconds: seconds - 1, nanos: nanos + 1_000_000_000 });
                }
                Ok(Timestamp { seconds, nanos })
            }
        }
        deserializer.deserialize_str(Rfc3339)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn json_ends_in_z_with_as_many_digits_as_needed() {
        for (seconds, nanos, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (1_769_850_000, 500_000_000, "2026-01-31T09:00:00.500Z"),
            (1_769_850_000, 1_000, "2026-01-31T09:00:00.000001Z"),
            (-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"),
        ] {
            let at = Timestamp { seconds, nanos };
            assert_eq!(serde_json::to_string(&at).unwrap(), format!("{text:?}"));
            assert_eq!(serde_json::from_str::<Timestamp>(&format!("{text:?}")).unwrap(), at);
        }
    }
}
