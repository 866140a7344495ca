//! The handle a store holds: a pool that only reads, a pool that only writes.

use std::sync::Arc;

use sea_orm::{
    AccessMode, DatabaseConnection, DatabaseTransaction, DbBackend, IsolationLevel,
    TransactionTrait as _,
};
use sqlx::postgres::PgConnectOptions;

use crate::group::Line;
use crate::past::Past;
use crate::settings::Target;
use crate::{Error, OpenError, Settings, Work, postgres, sqlite};

/// An open database. Cheap to clone; all clones share the same connections.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) reader: DatabaseConnection,
    pub(crate) writer: DatabaseConnection,
    /// Where one waits for SQLite's only writer; nothing on PostgreSQL.
    pub(crate) line: Option<Line>,
    pub(crate) context: &'static str,
    pub(crate) address: String,
    pub(crate) past: Arc<Past>,
    /// How to reach PostgreSQL outside the pools, for migrations; nothing on SQLite.
    pub(crate) postgres: Option<PgConnectOptions>,
}

impl Db {
    /// Connects, refuses a database that could forget what it acknowledged, and makes the context's
    /// schema (PostgreSQL) or file and directory (SQLite) when they are missing. Creates no tables:
    /// that is [`Db::migrate`].
    pub fn open(settings: &Settings) -> Work<'_, Self, OpenError> {
        Box::pin(async {
            let inner = match settings.target()? {
                Target::Sqlite(path) => sqlite::open(settings, &path).await?,
                Target::Postgres(options) => postgres::open(settings, *options).await?,
            };
            Ok(Self { inner: Arc::new(inner) })
        })
    }

    /// For reading with sea-orm. Its connections refuse writes; use [`Db::write`].
    pub fn reader(&self) -> &DatabaseConnection {
        &self.inner.reader
    }

    /// For several statements of sea-orm that only read: all of them see the database as it was at the first.
    ///
    /// # Errors
    /// [`Error`] when no transaction could be begun.
    pub async fn snapshot(&self) -> Result<DatabaseTransaction, Error> {
        let reader = self.reader();
        let snapshot = match self.backend() {
            DbBackend::Postgres => {
                let (isolation, access) = (IsolationLevel::RepeatableRead, AccessMode::ReadOnly);
                reader.begin_with_config(Some(isolation), Some(access)).await?
            }
            _ => reader.begin().await?,
        };
        Ok(snapshot)
    }

    /// Whether writes that wait share a commit: on SQLite, where there is one writer.
    pub fn shares_commits(&self) -> bool {
        self.inner.line.is_some()
    }

    /// Which of the two databases this is, for building statements. Not for deciding behaviour.
    pub fn backend(&self) -> DbBackend {
        self.inner.reader.get_database_backend()
    }

    /// Where it is, without secrets.
    pub fn address(&self) -> &str {
        &self.inner.address
    }

    /// Waits for the writes in flight, then closes every connection. Calls made afterwards answer
    /// [`crate::Error::Unavailable`].
    pub async fn close(&self) {
        // Writers first: SQLite folds its log into the file when the last connection closes, and a
        // reader that is still open only postpones that.
        for pool in [&self.inner.writer, &self.inner.reader] {
            if let Err(error) = pool.close_by_ref().await {
                tracing::warn!(%error, address = %self.inner.address, "a pool did not close well");
            }
        }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("address", &self.inner.address).finish_non_exhaustive()
    }
}
