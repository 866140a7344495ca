//! A recount of a workspace from the ledger, as far as it is.

use kernel::{Timestamp, WorkspaceId};

/// A rebuild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rebuild {
    pub(crate) id: i64,
    pub(crate) workspace: WorkspaceId,
    pub(crate) state: RebuildState,
    pub(crate) reason: String,
    /// Entries of the partition replayed.
    pub(crate) done: i64,
    /// Entries to replay: those behind them the consumer has written to both generations.
    pub(crate) until: i64,
    pub(crate) start: Timestamp,
    pub(crate) end: Option<Timestamp>,
    /// Seals of the cells before and after; empty until it has succeeded.
    pub(crate) digest_before: String,
    pub(crate) digest_after: String,
}

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RebuildState {
    Running,
    Succeeded,
    Failed,
}

impl RebuildState {
    /// The word that rows hold.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        let all = [Self::Running, Self::Succeeded, Self::Failed];
        all.into_iter().find(|state| state.as_str() == word)
    }
}
