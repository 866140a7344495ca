//! Why a database was not opened: each message says what to do, and none shows a password.

use std::path::PathBuf;

/// Opening was refused or failed. These end a process at its start; nothing is retried.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is not one.
    #[error(
        "the database address is not usable: {why}. Write sqlite:///path/to/file.db, \
         sqlite:///path/to/directory/ or postgres://user:password@host:5432/database"
    )]
    Malformed {
        /// What is wrong with it.
        why: String,
    },
    /// The directory of a SQLite file could not be made.
    #[error(
        "cannot create the directory {}: {source}. Choose one this user may write to",
        path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No connection could be made, or it broke at once.
    #[error("cannot open {address}: {source}. {advice}")]
    Unreachable {
        /// The address, without its password.
        address: String,
        /// What the driver said.
        source: sqlx::Error,
        /// What to look at.
        advice: &'static str,
    },
    /// The database would acknowledge writes it can still lose, or cannot take them.
    #[error("{address} is not safe to keep a ledger in: {found}. {remedy}")]
    Unsafe {
        /// The address, without its password.
        address: String,
        /// What was read back from it.
        found: String,
        /// How to set it right.
        remedy: &'static str,
    },
    /// The context's schema is missing and could not be created.
    #[error(
        "cannot create the schema {schema} in {address}: {source}. Create it, or grant this role \
         CREATE on the database"
    )]
    Schema {
        /// The address, without its password.
        address: String,
        /// The schema.
        schema: String,
        /// What the driver said.
        source: sqlx::Error,
    },
}

/// A setting that was read back and refused; the address is added where it is known.
#[derive(Debug, thiserror::Error)]
#[error("{found}. {remedy}")]
pub(crate) struct Refused {
    pub(crate) found: String,
    pub(crate) remedy: &'static str,
}
