//! Tenants.

use kernel::{Currency, IdSource, Timestamp, WorkspaceId};
use sha2::{Digest, Sha256};

/// A tenant and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workspace {
    pub(crate) id: WorkspaceId,
    pub(crate) name: String,
    pub(crate) time_zone: String,
    pub(crate) currency: Currency,
    pub(crate) accept_unknown: bool,
    pub(crate) created: Timestamp,
}

/// The id of a new workspace. One made under a request id is derived from it, so that asking again finds
/// the same row by its key, without a second index.
pub(crate) fn new_id(request_id: Option<&str>, ids: &dyn IdSource) -> WorkspaceId {
    let number = match request_id {
        None => ids.next_i64(),
        Some(request) => {
            let digest = Sha256::new().chain_update("workspace\0").chain_update(request).finalize();
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&digest[..8]);
            (i64::from_be_bytes(bytes) & i64::MAX).max(1)
        }
    };
    WorkspaceId::new(number).expect("at least 1")
}
