//! Tenants.

use kernel::{Currency, IdSource, Timestamp, WorkspaceId};
use sha2::{Digest, Sha256};

use super::allowance::Allowance;

/// A tenant and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workspace {
    pub(crate) id: WorkspaceId,
    pub(crate) name: String,
    pub(crate) time_zone: String,
    pub(crate) currency: Currency,
    pub(crate) accept_unknown: bool,
    pub(crate) created: Timestamp,
    /// As it was set: 0 leaves a limit to the install.
    pub(crate) allowance: Allowance,
}

/// What is to change about a workspace. `None`: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) name: Option<String>,
    pub(crate) time_zone: Option<String>,
    pub(crate) accept_unknown: Option<bool>,
    pub(crate) per_second: Option<u32>,
    pub(crate) burst: Option<u32>,
    pub(crate) quota_soft: Option<u64>,
    pub(crate) quota_hard: Option<u64>,
    pub(crate) dimension_values: Option<u32>,
}

impl Workspace {
    pub(crate) fn change(&mut self, change: Change) {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut self.name, change.name);
        set(&mut self.time_zone, change.time_zone);
        set(&mut self.accept_unknown, change.accept_unknown);
        set(&mut self.allowance.per_second, change.per_second);
        set(&mut self.allowance.burst, change.burst);
        set(&mut self.allowance.quota_soft, change.quota_soft);
        set(&mut self.allowance.quota_hard, change.quota_hard);
        set(&mut self.allowance.dimension_values, change.dimension_values);
    }
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
