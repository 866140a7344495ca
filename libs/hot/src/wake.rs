//! "A partition has grown": the one message that goes between processes.

use kernel::Partition;

/// How many wake-ups a slow subscriber may be behind before it skips some.
pub(crate) const BACKLOG: usize = 1_024;

/// A partition's newest entry, as far as the sender knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    /// The partition.
    pub partition: Partition,
    /// Its newest sequence number.
    pub seq: i64,
}

impl Wake {
    pub(crate) fn encode(self) -> String {
        format!("{}:{}", self.partition.get(), self.seq)
    }

    /// None for what nobody of ours has sent.
    pub(crate) fn decode(text: &[u8]) -> Option<Self> {
        let (partition, seq) = std::str::from_utf8(text).ok()?.split_once(':')?;
        let partition = Partition::new(partition.parse().ok()?)?;
        Some(Self { partition, seq: seq.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_up_comes_back_and_nonsense_does_not() {
        for partition in Partition::all() {
            let wake = Wake { partition, seq: i64::MAX };
            assert_eq!(Wake::decode(wake.encode().as_bytes()), Some(wake));
        }
        for nonsense in ["", "1", "1:", ":1", "64:1", "-1:1", "1:x", "1:99999999999999999999"] {
            assert_eq!(Wake::decode(nonsense.as_bytes()), None, "{nonsense}");
        }
        assert_eq!(Wake::decode(&[0xff, b':']), None);
    }
}
