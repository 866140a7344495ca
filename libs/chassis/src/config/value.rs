//! What a variable may hold, and how its refusal reads.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use secrecy::SecretString;

const KIB: u64 = 1024;

/// A type a variable can be parsed into. The error completes the sentence `NAME: "text" …`, such as
/// `is not a duration like 250ms, 5s or 2m`.
pub trait FromVar: Sized {
    /// Parses the text of a variable that is set and not empty.
    fn from_var(text: &str) -> Result<Self, String>;
}

/// A number of bytes, written `512B`, `32KiB`, `16MiB`, `1GiB` or as a bare number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// The bytes as a length.
    #[must_use]
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n > 0 && n % (KIB * KIB * KIB) == 0 => write!(f, "{}GiB", n / (KIB * KIB * KIB)),
            n if n > 0 && n % (KIB * KIB) == 0 => write!(f, "{}MiB", n / (KIB * KIB)),
            n if n > 0 && n % KIB == 0 => write!(f, "{}KiB", n / KIB),
            n => write!(f, "{n}B"),
        }
    }
}

impl FromVar for ByteSize {
    fn from_var(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let factor = match unit {
            "" | "B" => Some(1),
            "KiB" => Some(KIB),
            "MiB" => Some(KIB * KIB),
            "GiB" => Some(KIB * KIB * KIB),
            _ => None,
        };
        number
            .zip(factor)
            .and_then(|(number, factor)| number.checked_mul(factor))
            .map(Self)
            .ok_or_else(|| "is not a size like 512B, 32KiB or 16MiB".to_owned())
    }
}

impl FromVar for Duration {
    fn from_var(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let micros_each = match unit {
            "us" => Some(1),
            "ms" => Some(1_000),
            "s" => Some(1_000_000),
            "m" => Some(60_000_000),
            "h" => Some(3_600_000_000),
            "d" => Some(86_400_000_000),
            _ => None,
        };
        number
            .zip(micros_each)
            .and_then(|(number, each)| number.checked_mul(each))
            .map(Self::from_micros)
            .ok_or_else(|| "is not a duration like 250ms, 5s or 2m".to_owned())
    }
}

fn split_unit(text: &str) -> (Option<u64>, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..digits].parse().ok(), &text[digits..])
}

impl FromVar for String {
    fn from_var(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl FromVar for SecretString {
    fn from_var(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }
}

impl FromVar for PathBuf {
    fn from_var(text: &str) -> Result<Self, String> {
        Ok(Self::from(text))
    }
}

impl FromVar for bool {
    fn from_var(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "on" | "true" | "yes" | "1" => Ok(true),
            "off" | "false" | "no" | "0" => Ok(false),
            _ => Err("is neither on nor off".to_owned()),
        }
    }
}

impl FromVar for SocketAddr {
    fn from_var(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "is not a socket address like 127.0.0.1:7701".to_owned())
    }
}

impl FromVar for Uri {
    fn from_var(text: &str) -> Result<Self, String> {
        text.parse::<Self>()
            .ok()
            .filter(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()
            })
            .ok_or_else(|| "is not an address like http://127.0.0.1:7701".to_owned())
    }
}

impl FromVar for f64 {
    fn from_var(text: &str) -> Result<Self, String> {
        text.parse()
            .ok()
            .filter(|number: &Self| number.is_finite())
            .ok_or_else(|| "is not a number like 0.25".to_owned())
    }
}

macro_rules! whole_numbers {
    ($($kind:ty),*) => { $(
        impl FromVar for $kind {
            fn from_var(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| {
                    format!("is not a whole number from {} to {}", Self::MIN, Self::MAX)
                })
            }
        }
    )* };
}

whole_numbers!(u16, u32, u64, usize, i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_a_unit() {
        assert_eq!(Duration::from_var("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(Duration::from_var("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["5", "5 min", "-1s", "s", "99999999999999999999d"] {
            assert!(Duration::from_var(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_written_as_they_are_read() {
        for text in ["512B", "32KiB", "16MiB", "1GiB", "0B"] {
            assert_eq!(ByteSize::from_var(text).map(|size| size.to_string()), Ok(text.to_owned()));
        }
        assert!(ByteSize::from_var("32kb").is_err());
    }

    #[test]
    fn an_address_needs_a_scheme_and_a_host() {
        assert!(Uri::from_var("http://127.0.0.1:7701").is_ok());
        assert!(Uri::from_var("127.0.0.1:7701").is_err());
        assert!(Uri::from_var("/only/a/path").is_err());
    }
}
