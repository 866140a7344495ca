//! Samples, what they were drawn from, and the installation's secret. The only modules that name
//! sea_orm.

mod entity;
pub(crate) mod migration;
mod read;
mod row;
mod secret;
#[cfg(test)]
mod suite;
mod write;

use db::Db;

/// What went wrong underneath.
pub(crate) use db::Error;
pub(crate) use read::{After, Counts, Filter};

/// The context's tables.
#[derive(Clone)]
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }
}
