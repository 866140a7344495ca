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

/// What became of an append.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is in the log.
    Recorded(Change),
    /// The same request had put it there before; nothing was written.
    Replayed(Change),
    /// The request id came with another body before; nothing was written.
    RequestReused,
    /// The change is based on a version that is not the latest (`None`: there is no version);
    /// nothing was written.
    VersionLost(Option<Version>),
}

impl Store {
    pub(crate) fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }
}
