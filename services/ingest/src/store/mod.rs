//! The database of ingest: the only module that names sea_orm.

mod access;
mod append;
mod catalog_copy;
mod dimension_value;
mod entity;
mod keys;
mod log_head;
mod migration;
mod read;
mod rotation;
#[cfg(test)]
mod searching;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod suite_access;
#[cfg(test)]
mod suite_keys;
#[cfg(test)]
mod suite_limits;
#[cfg(test)]
mod tailing;
mod usage;
mod workspace;
mod writer;
mod yardstick;

pub(crate) use access::{AccessStore, Created, Revoked};
pub(crate) use append::{Appended, NewEntry};
pub(crate) use catalog_copy::CatalogCopyStore;
pub(crate) use dimension_value::DimensionStore;
pub use migration::Migrator;
pub(crate) use read::{LedgerReader, Row};
pub(crate) use rotation::Rotated;
pub(crate) use usage::{Counted, MonthlyEvents, UsageStore};
pub(crate) use writer::LedgerWriter;
pub use yardstick::Yardstick;
