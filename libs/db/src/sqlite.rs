//! SQLite: one writer, several readers, a log that is on disk before a commit returns.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::Duration;

use sea_orm::SqlxSqliteConnector;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _};

use crate::database::Inner;
use crate::error::sqlstate;
use crate::group::Line;
use crate::open_error::Refused;
use crate::settings::Target;
use crate::{OpenError, Settings};

/// Another process may hold the write lock this long before a write is told to try again.
const BUSY: Duration = Duration::from_secs(5);
/// Between two attempts to open a file that another process is opening for the first time too.
const SWITCH_AGAIN: Duration = Duration::from_millis(10);
/// How long a caller waits for its turn with the one writer.
pub(crate) const ACQUIRE: Duration = Duration::from_secs(5);
/// 3.7.0 to 3.51.2 can corrupt the file when two connections write and checkpoint at once.
const VERSION_MIN: (u32, u32, u32) = (3, 51, 3);
/// What the log is cut back to after a checkpoint; a long reader can make it grow far beyond.
const LOG_BYTES: u32 = 64 * 1024 * 1024;
/// Pages in the log before it is folded into the file. At SQLite's 1,000 every large commit was followed by
/// a checkpoint of its own; pages that several commits change are now written back once.
const LOG_PAGES: u32 = LOG_BYTES / 4_096;
/// What the writer may keep of the file, in KiB: twice SQLite's own. A commit of 4,096 events fits, now that
/// their keys are in no index. 32 MiB were no faster, in ingest nor in rollup, and each context has its own.
const WRITER_CACHE_KIB: u32 = 4 * 1024;
/// Rows a reader's thread may be ahead of who reads them. With the driver's 50 the two waited for each other
/// ten times for each page of the ledger.
const ROWS_AHEAD: usize = 512;

pub(crate) async fn open(settings: &Settings, path: &Path) -> Result<Inner, OpenError> {
    let address = Target::Sqlite(path.into()).address();
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        // Owner only: a context's file may hold secrets, such as those of webhook subscribers.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(|source| OpenError::Directory { path: parent.into(), source })?;
    }
    // sqlx sets the busy timeout while it opens the file, before any of the pragmas: what they read
    // and write may be locked by another process that starts.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(BUSY)
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", LOG_BYTES.to_string())
        .disable_statement_logging();

    let failed = |source| OpenError::Unreachable {
        address: address.clone(),
        source,
        advice: "Is it a SQLite file this user may write to, on a local disk with room?",
    };
    let writing = options
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
        .pragma("wal_autocheckpoint", LOG_PAGES.to_string());
    let writer = writer(&writing).await.map_err(failed)?;
    let mut connection = writer.acquire().await.map_err(failed)?;
    check(&mut connection).await.map_err(failed)?.map_err(|Refused { found, remedy }| {
        OpenError::Unsafe { address: address.clone(), found, remedy }
    })?;
    drop(connection);

    let reader = SqlitePoolOptions::new()
        .max_connections(settings.connections.saturating_sub(1).max(1))
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .connect_lazy_with(options.pragma("query_only", "ON").row_buffer_size(ROWS_AHEAD));
    let writer = SqlxSqliteConnector::from_sqlx_sqlite_pool(writer);
    Ok(Inner {
        line: Some(Line::new(writer.clone())),
        writer,
        reader: SqlxSqliteConnector::from_sqlx_sqlite_pool(reader),
        context: settings.context,
        address,
        past: Default::default(),
        postgres: None,
    })
}

/// Opens the one writing connection. Its first act is to switch the file to the write-ahead log, which
/// turns a read lock into a write lock: where another process has that one, doing the same, SQLite
/// answers BUSY at once, whatever the busy timeout. The loser tries again.
async fn writer(options: &SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(is_outside_transactions(connection)));
    for _ in 0..BUSY.as_millis() / SWITCH_AGAIN.as_millis() {
        match pool.clone().connect_with(options.clone()).await {
            Err(error) if is_busy(&error) => {
                #[expect(clippy::disallowed_methods, reason = "waits for another process")]
                tokio::time::sleep(SWITCH_AGAIN).await;
            }
            opened => return opened,
        }
    }
    pool.connect_with(options.clone()).await
}

/// Whether the connection may be lent again. SQLite takes a transaction back by itself when the disk is full;
/// the driver's own ROLLBACK then fails, and it believes for ever after that the transaction is open.
async fn is_outside_transactions(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A ROLLBACK may be on its way still: its answer comes before this one's.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// SQLITE_BUSY with whatever extension in its upper bits.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = sqlstate(error).and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// Reads back what was asked for: a file system without shared memory silently stays without a
/// write-ahead log, and a build of SQLite may bring other defaults.
async fn check(connection: &mut SqliteConnection) -> Result<Result<(), Refused>, sqlx::Error> {
    let version: String =
        sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut *connection).await?;
    let journal: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
    let synchronous: i64 =
        sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await?;
    let busy: i64 = sqlx::query_scalar("PRAGMA busy_timeout").fetch_one(&mut *connection).await?;
    Ok(judge(&version, &journal, synchronous, busy))
}

fn judge(version: &str, journal: &str, synchronous: i64, busy_ms: i64) -> Result<(), Refused> {
    let refuse = |found: String, remedy| Err(Refused { found, remedy });
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    if (next(), next(), next()) < VERSION_MIN {
        return refuse(
            format!("SQLite {version} has the write-ahead log bug that 3.51.3 fixed"),
            "Use the SQLite that is built into tally",
        );
    }
    if !journal.eq_ignore_ascii_case("wal") {
        return refuse(
            format!("the journal mode is {journal}, not WAL"),
            "Put the file on a local disk: network file systems have no shared memory",
        );
    }
    if synchronous < 2 {
        return refuse(
            format!("synchronous is {synchronous}, below FULL (2)"),
            "Use the SQLite that is built into tally",
        );
    }
    if busy_ms < 1 {
        return refuse("the busy timeout is 0".into(), "Use the SQLite that is built into tally");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_lose_a_write_is_refused_by_name() {
        let names = |found: Result<(), Refused>, word: &str| {
            let said = found.expect_err("refused").to_string();
            assert!(said.contains(word), "{said}");
        };
        assert!(judge("3.51.3", "wal", 2, 5_000).is_ok());
        assert!(judge("4.0.0", "WAL", 3, 1).is_ok());
        names(judge("3.51.2", "wal", 2, 5_000), "3.51.2");
        names(judge("3.7", "wal", 2, 5_000), "3.7");
        names(judge("3.51.3", "delete", 2, 5_000), "delete");
        names(judge("3.51.3", "wal", 1, 5_000), "synchronous is 1");
        names(judge("3.51.3", "wal", 2, 0), "busy timeout");
    }
}
