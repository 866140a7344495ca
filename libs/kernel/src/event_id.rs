//! An event's id is its place in the ledger, so finding one is a key look-up.

use std::fmt;
use std::str::FromStr;

use crate::{Malformed, Position};

const PREFIX: &str = "ev_";

/// Id of an entry, written `ev_…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub Position);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0.packed())
    }
}

impl FromStr for EventId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.strip_prefix(PREFIX)
            .and_then(Position::unpacked)
            .filter(|position| position.seq > 0)
            .map(Self)
            .ok_or_else(|| Malformed::new("an event id such as ev_0a00000000001", text))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{PARTITIONS, Partition};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(partition in 0..PARTITIONS, seq in 1..(1i64 << 56)) {
            let partition = Partition::new(partition).unwrap();
            let id = EventId(Position { partition, seq });
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.0.to_string().parse(), Ok(id.0));
        }

        #[test]
        fn any_text_is_an_id_or_refused(text in "(ev_)?\\PC{0,24}") {
            if let Ok(id) = text.parse::<EventId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
