//! Tenants.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::{Malformed, PARTITIONS, Partition, base32};

const PREFIX: &str = "ws_";

/// A tenant, written `ws_…`. Positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkspaceId(i64);

impl WorkspaceId {
    /// `None` unless positive.
    pub const fn new(number: i64) -> Option<Self> {
        if number > 0 { Some(Self(number)) } else { None }
    }

    /// The number rows hold.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The partition everything of this workspace lives in. A hash, so that neighbours spread; it must
    /// never change once a ledger exists.
    pub fn partition(self) -> Partition {
        let digest = Sha256::digest(self.0.to_be_bytes());
        Partition::new(i16::from(digest[0]) % PARTITIONS).expect("a remainder of PARTITIONS")
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", base32::encode(self.0.unsigned_abs()))
    }
}

impl FromStr for WorkspaceId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.strip_prefix(PREFIX)
            .and_then(base32::decode)
            .and_then(|number| i64::try_from(number).ok())
            .and_then(Self::new)
            .ok_or_else(|| Malformed::new("a workspace id such as ws_0000000000001", text))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_partition_of_a_workspace_never_moves() {
        // Values as first released: changing them would orphan every stored entry.
        let partitions = [1, 2, 3].map(|n| WorkspaceId::new(n).unwrap().partition().get());
        assert_eq!(partitions, [13, 13, 21]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(number in 1..=i64::MAX) {
            let id = WorkspaceId::new(number).unwrap();
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
