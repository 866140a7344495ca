//! Whether a server still has the past we know of: one that takes over may lack what another acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sqlx::postgres::PgConnection;

/// The timelines of the servers that were connected to. PostgreSQL begins a new one when a standby takes
/// over, and when a backup is recovered to a point in time. It does not when it starts on an older copy of
/// its files, or when rows are put back by SQL: whoever does that stops the services first.
#[derive(Debug, Default)]
pub(crate) struct Past {
    timeline: Mutex<Option<String>>,
    changes: AtomicU64,
}

impl Past {
    /// Notes the timeline of a new connection, before it is used. Servers that only speak like PostgreSQL may
    /// have none; of those nothing is known.
    pub(crate) async fn note(&self, connection: &mut PgConnection) {
        let asked = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)";
        if let Ok(timeline) = sqlx::query_scalar::<_, String>(asked).fetch_one(connection).await {
            self.met(timeline);
        }
    }

    fn met(&self, timeline: String) {
        let mut known = self.timeline.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_some_and(|known| *known != timeline) {
            self.changes.fetch_add(1, Ordering::SeqCst);
        }
        *known = Some(timeline);
    }

    /// How often it was another.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_timeline_is_another_past() {
        let past = Past::default();
        let changes =
            ["00000001", "00000001", "00000002", "00000002", "00000001"].map(|timeline| {
                past.met(timeline.to_owned());
                past.changes()
            });
        assert_eq!(changes, [0, 0, 1, 1, 2]);
    }
}
