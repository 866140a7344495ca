//! What went wrong, told apart by kind and SQLSTATE.

use std::borrow::Cow;

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
use sqlx::error::ErrorKind;

/// An error of the database, in the only distinctions a caller can act on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A unique or primary key exists already. Nothing was written.
    #[error("a row with this key exists already")]
    Conflict(#[source] DbErr),
    /// Nothing was written, and the same call may work in a moment: no connection, a deadlock, a
    /// lock that was not given, a server that stops or starts, a full disk.
    #[error("the database cannot take this now")]
    Unavailable(#[source] DbErr),
    /// The connection broke while it committed: it may have been written or not. Only the same call
    /// with the same keys finds out.
    #[error("the database did not say whether it committed")]
    Unknown(#[source] DbErr),
    /// A stored row does not hold what it should; it was read, not changed.
    #[error("{table}.{column} of row {id} does not hold what it should")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        id: String,
    },
    /// Anything else: our bug. Nothing was written.
    #[error("the database refused the statement")]
    Other(#[source] DbErr),
}

impl Error {
    /// A row that cannot be turned into a domain value.
    pub fn corrupt(table: &'static str, column: &'static str, id: impl std::fmt::Display) -> Self {
        Self::Corrupt { table, column, id: id.to_string() }
    }

    /// True when the same call, repeated, may succeed: a lost race or an outage, not a refusal.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Unknown(_))
    }

    /// What a COMMIT that did not return means. Only an answer that says "rolled back" is one.
    pub(crate) fn at_commit(err: DbErr) -> Self {
        match verdict(&err) {
            Verdict::Conflict => Self::Conflict(err),
            Verdict::RolledBack => Self::Unavailable(err),
            Verdict::Retry | Verdict::Refused => Self::Unknown(err),
        }
    }
}

impl From<DbErr> for Error {
    fn from(err: DbErr) -> Self {
        match verdict(&err) {
            Verdict::Conflict => Self::Conflict(err),
            Verdict::Retry | Verdict::RolledBack => Self::Unavailable(err),
            Verdict::Refused => Self::Other(err),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(err: sqlx::Error) -> Self {
        driver(err).into()
    }
}

/// The driver's error in the ORM's clothes: there is one way to judge them.
pub(crate) fn driver(err: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(err.into()))
}

/// The SQLSTATE of PostgreSQL, or the extended result code of SQLite as digits.
pub(crate) fn sqlstate(err: &sqlx::Error) -> Option<Cow<'_, str>> {
    err.as_database_error()?.code()
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Conflict,
    /// Try again.
    Retry,
    /// Try again, and even at COMMIT it is certain that nothing was written.
    RolledBack,
    Refused,
}

fn verdict(err: &DbErr) -> Verdict {
    match err {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout | ConnAcquireErr::ConnectionClosed) => {
            Verdict::Retry
        }
        DbErr::Conn(RuntimeErr::SqlxError(err))
        | DbErr::Exec(RuntimeErr::SqlxError(err))
        | DbErr::Query(RuntimeErr::SqlxError(err)) => driver_verdict(err),
        _ => Verdict::Refused,
    }
}

fn driver_verdict(err: &sqlx::Error) -> Verdict {
    match err {
        sqlx::Error::Database(answer) => {
            if answer.kind() == ErrorKind::UniqueViolation {
                return Verdict::Conflict;
            }
            let code = answer.code().unwrap_or_default();
            if answer.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                sqlite_verdict(&code)
            } else {
                postgres_verdict(&code)
            }
        }
        sqlx::Error::Io(_)
        // Words out of turn: a PostgreSQL that is starting up answers even the question for TLS with an
        // error, and a connection that lost its place is of no use to anybody.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => Verdict::Retry,
        _ => Verdict::Refused,
    }
}

fn postgres_verdict(code: &str) -> Verdict {
    match code {
        // serialization failure, deadlock
        "40001" | "40P01" => Verdict::RolledBack,
        // lock not available, object in use; statement cancelled (our timeout, or an operator);
        // shutdown, crash, still starting, idle session ended
        "55P03" | "55006" | "57014" | "57P01" | "57P02" | "57P03" | "57P05"
        // idle in transaction too long, transaction too long; disk error
        | "25P03" | "25P04" | "58030"
        // what a distributed PostgreSQL says when a shard could not commit
        | "XX000" => Verdict::Retry,
        // connection exceptions; insufficient resources (disk full, memory, connections)
        _ if code.starts_with("08") || code.starts_with("53") => Verdict::Retry,
        _ => Verdict::Refused,
    }
}

fn sqlite_verdict(code: &str) -> Verdict {
    // The low byte is the primary code; the rest says which of its kinds.
    match code.parse::<u32>().map(|code| code & 0xff) {
        // SQLITE_BUSY, SQLITE_LOCKED
        Ok(5 | 6) => Verdict::RolledBack,
        // SQLITE_INTERRUPT, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN
        Ok(9 | 10 | 13 | 14) => Verdict::Retry,
        _ => Verdict::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_tried_again_is_told_from_what_may_not() {
        for code in ["08006", "08000", "53300", "53100", "57P01", "57P03", "57014", "XX000"] {
            assert_eq!(postgres_verdict(code), Verdict::Retry, "{code}");
        }
        for code in ["40001", "40P01"] {
            assert_eq!(postgres_verdict(code), Verdict::RolledBack, "{code}");
        }
        for code in ["42601", "42P01", "23503", "23514", "25006", "25P02", "0A000", ""] {
            assert_eq!(postgres_verdict(code), Verdict::Refused, "{code}");
        }
        let out_of_turn = sqlx::Error::Protocol("unexpected response from SSLRequest: 0x45".into());
        assert_eq!(driver_verdict(&out_of_turn), Verdict::Retry);
        // 517 is SQLITE_BUSY_SNAPSHOT, 2067 SQLITE_CONSTRAINT_UNIQUE
        assert_eq!(sqlite_verdict("517"), Verdict::RolledBack);
        assert_eq!(sqlite_verdict("13"), Verdict::Retry);
        assert_eq!(sqlite_verdict("1"), Verdict::Refused);
    }

    #[test]
    fn a_commit_without_an_answer_is_unknown() {
        let lost = || DbErr::Query(RuntimeErr::SqlxError(sqlx::Error::WorkerCrashed.into()));
        assert!(matches!(Error::at_commit(lost()), Error::Unknown(_)));
        assert!(matches!(Error::from(lost()), Error::Unavailable(_)));
    }
}
