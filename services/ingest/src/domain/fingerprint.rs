//! Telling the same event from another.

use kernel::WorkspaceId;
use sha2::{Digest, Sha256};

/// 128 bits of SHA-256: of an idempotency key, or of a body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Fingerprint([u8; 16]);

impl Fingerprint {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::cut(Sha256::digest(bytes).as_slice())
    }

    /// Of an idempotency key: the workspace is hashed in, so that one column serves all
    /// the workspaces of a partition.
    pub(crate) fn of_key(workspace: WorkspaceId, key: &str) -> Self {
        let hash = Sha256::new().chain_update(workspace.get().to_be_bytes()).chain_update(key);
        Self::cut(hash.finalize().as_slice())
    }

    pub(crate) fn to_row(self) -> Vec<u8> {
        self.0.to_vec()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn from_row(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The first half, as a number.
    pub(crate) fn prefix(self) -> u64 {
        let [first, _] = self.0.as_chunks::<8>().0 else {
            unreachable!("16 bytes are two times 8")
        };
        u64::from_be_bytes(*first)
    }

    fn cut(digest: &[u8]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_in_two_workspaces_is_two_keys() {
        let [one, two] = [1, 2].map(|n| WorkspaceId::new(n).unwrap());
        assert_ne!(Fingerprint::of_key(one, "k"), Fingerprint::of_key(two, "k"));
        assert_eq!(Fingerprint::of_key(one, "k"), Fingerprint::of_key(one, "k"));
    }
}
