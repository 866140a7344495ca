//! Names of endpoints and deliveries.

use std::fmt;
use std::str::FromStr;

use kernel::{Malformed, base32};

/// A subscriber, written `ep_…`. Positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(i64);

impl EndpointId {
    /// `None` unless positive.
    pub fn new(number: i64) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    /// The number rows hold.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ep_{}", base32::encode(self.0.unsigned_abs()))
    }
}

impl FromStr for EndpointId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.strip_prefix("ep_")
            .and_then(positive)
            .and_then(Self::new)
            .ok_or_else(|| Malformed::new("an endpoint id such as ep_0000000000001", text))
    }
}

/// One event on its way to one endpoint, written `wh_…`; the subscriber sees it as `webhook-id`.
///
/// It is made of what it is about and of nothing else: a delivery repeated after a crash, by another
/// replica or by hand carries the same id. No dots: the signature is over `id.timestamp.body`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId {
    /// Where it goes.
    pub endpoint: EndpointId,
    /// The place of the event in the partition of the endpoint's workspace.
    pub seq: i64,
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = base32::encode(self.endpoint.0.unsigned_abs());
        write!(f, "wh_{endpoint}{}", base32::encode(self.seq.unsigned_abs()))
    }
}

impl FromStr for DeliveryId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parse = || {
            let (endpoint, seq) = text.strip_prefix("wh_")?.split_at_checked(13)?;
            let endpoint = EndpointId::new(positive(endpoint)?)?;
            Some(Self { endpoint, seq: positive(seq)? })
        };
        parse().ok_or_else(|| {
            Malformed::new("a delivery id such as wh_00000000000010000000000001", text)
        })
    }
}

fn positive(text: &str) -> Option<i64> {
    base32::decode(text).and_then(|number| i64::try_from(number).ok()).filter(|number| *number > 0)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(number in 1..=i64::MAX, seq in 1..=i64::MAX) {
            let endpoint = EndpointId::new(number).unwrap();
            prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
            let id = DeliveryId { endpoint, seq };
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert!(!id.to_string().contains('.'));
            prop_assert_eq!(id.to_string().len(), 29);
        }

        #[test]
        fn any_text_is_an_id_or_refused(text in "(ep_|wh_)?\\PC{0,30}") {
            if let Ok(id) = text.parse::<DeliveryId>() {
                prop_assert_eq!(id.to_string(), text.clone());
            }
            if let Ok(id) = text.parse::<EndpointId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
