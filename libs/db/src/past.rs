//! Whether a server still has the past we know of: one that takes over may lack what another acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sqlx::postgres::PgConnection;

use crate::error::sqlstate;

/// The servers that were connected to. PostgreSQL begins another timeline when a standby takes over, and when
/// a backup is recovered to a point in time; a copy of its files is put back while it is down; a dump is
/// restored into a new database. Of rows that are put back by SQL nothing tells: whoever does that stops the
/// services first.
#[derive(Debug, Default)]
pub(crate) struct Past {
    server: Mutex<Option<String>>,
    changes: AtomicU64,
}

impl Past {
    /// Notes the server of a new connection, before it is used.
    pub(crate) async fn note(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mut server = Vec::new();
        for asked in [
            "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)",
            "SELECT pg_postmaster_start_time()::text",
            "SELECT oid::text FROM pg_database WHERE datname = current_database()",
        ] {
            match sqlx::query_scalar::<_, String>(asked).fetch_one(&mut *connection).await {
                Ok(told) => server.push(told),
                // A standby, and what only speaks like PostgreSQL: by this it is not told from another.
                Err(error) if cannot_tell(&error) => {}
                Err(error) => return Err(error),
            }
        }
        self.met(server.join(" "));
        Ok(())
    }

    fn met(&self, server: String) {
        let mut known = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_some_and(|known| *known != server) {
            self.changes.fetch_add(1, Ordering::SeqCst);
        }
        *known = Some(server);
    }

    /// How often it was another.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }
}

/// Whether the server has no such function, or not in its state.
fn cannot_tell(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|state| ["42883", "0A000", "55000"].contains(&&*state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_server_is_another_past() {
        let past = Past::default();
        let changes = ["a", "a", "b", "b", "a"].map(|server| {
            past.met(server.to_owned());
            past.changes()
        });
        assert_eq!(changes, [0, 0, 1, 1, 2]);
    }
}
