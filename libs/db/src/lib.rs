//! The only place that knows there are two databases: SQLite (embedded, one file a context) and
//! PostgreSQL (one schema a context).
//!
//! A store holds one [`Db`]. It reads through [`Db::reader`] and writes through [`Db::write`], and
//! through nothing else: the reader's connections refuse writes, so no row can be written outside a
//! transaction that is known to have committed.
//!
//! Three promises, each with a test that would fail without it:
//! - an `Ok` from [`Db::write`] means the rows are on disk. Opening refuses a database that is set
//!   up to forget (`fsync`, `synchronous_commit`, `synchronous`), and a transaction that PostgreSQL
//!   has already aborted cannot commit into nothing;
//! - a caller that goes away loses no write and leaves no transaction open: the work runs in a task
//!   of its own, and every connection is rolled back before it is lent again;
//! - errors are told apart by kind and SQLSTATE, never by their text or a constraint's name, which
//!   differ between the databases and again when PostgreSQL is distributed.
#![deny(missing_docs)]

pub mod bulk;
mod clock;
mod database;
mod error;
mod group;
mod migrate;
mod open_error;
mod past;
mod postgres;
mod settings;
mod sqlite;
mod work;
mod write;

pub use clock::now;
pub use database::Db;
pub use error::Error;
pub use migrate::SchemaError;
pub use open_error::OpenError;
pub use sea_orm::DbBackend as Backend;
pub use settings::Settings;
pub use work::Work;
