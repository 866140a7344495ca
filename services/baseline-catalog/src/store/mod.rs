//! The change log: append-only, one order a partition, everything else derived from it.
//!
//! The only modules that name sea_orm. A partition's head row is locked from the first statement of
//! an append to its commit, so whoever has seen seq n has seen everything below n.

mod append;
mod body;
mod entity;
pub(crate) mod migration;
mod read;
#[cfg(test)]
mod suite;

use std::sync::Arc;

use db::Db;
use kernel::Clock;

use crate::domain::{Change, Version};

/// What went wrong underneath.
pub(crate) use db::Error;

/// The catalog's tables.
#[derive(Clone)]
pub(crate) struct Store {
    db: Db,
    clock: Arc<dyn Clock>,
}

/// A caller's own name for a write, and what the write said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) id: String,
    pub(crate) hash: Vec<u8>,
}

/// What a write was decided on: where it no longer holds, nothing is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Basis {
    /// The version of its (first) subject that the caller has seen last.
    pub(crate) version: Option<String>,
    /// Seq of the workspace's last change that the decision knew of, 0 for none.
    pub(crate) seen: Option<i64>,
}

/// What became of an append.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// They are in the log, together and in their order.
    Recorded(Vec<Change>),
    /// The same request had put them there before; nothing was written.
    Replayed(Vec<Change>),
    /// The request id came with another body before; nothing was written.
    RequestReused,
    /// The change is based on a version that is not the latest (`None`: there is no version);
    /// nothing was written.
    VersionLost(Option<Version>),
    /// The workspace has changes that the decision did not know of; nothing was written.
    Moved,
}

impl Store {
    pub(crate) fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }
}
