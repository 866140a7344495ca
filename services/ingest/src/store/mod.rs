//! The database of ingest: the only module that names sea_orm.

mod access;
mod append;
mod catalog_copy;
mod entity;
mod migration;
mod read;
#[cfg(test)]
mod searching;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod tailing;

pub(crate) use access::{AccessStore, Created, Revoked};
pub(crate) use append::{Appended, Expect, NewEntry, append};
pub(crate) use catalog_copy::CatalogCopyStore;
pub use migration::Migrator;
pub(crate) use read::{LedgerReader, Row};
