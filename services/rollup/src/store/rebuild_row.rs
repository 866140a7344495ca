//! A rebuild as it is kept, begun and worked on.

use kernel::{Timestamp, WorkspaceId};
use sea_orm::QueryResult;

use crate::domain::{Rebuild, RebuildState};

/// A rebuild to begin.
#[derive(Debug, Clone)]
pub(crate) struct NewRebuild {
    pub(crate) id: i64,
    pub(crate) workspace: WorkspaceId,
    pub(crate) request_id: String,
    pub(crate) reason: String,
    pub(crate) at: Timestamp,
}

/// A running rebuild that this replica works on.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) rebuild: Rebuild,
    pub(crate) holder: i64,
}

/// What [`read`] reads.
pub(super) const COLUMNS: [&str; 10] = [
    "workspace",
    "rebuild_id",
    "reason",
    "state",
    "seq",
    "until_seq",
    "start_time",
    "end_time",
    "digest_before",
    "digest_after",
];

pub(super) fn read(row: &QueryResult) -> Result<Rebuild, db::Error> {
    let id: i64 = row.try_get("", "rebuild_id")?;
    let corrupt = |column| db::Error::corrupt("rebuild", column, id);
    let state: String = row.try_get("", "state")?;
    Ok(Rebuild {
        id,
        workspace: WorkspaceId::new(row.try_get("", "workspace")?)
            .ok_or_else(|| corrupt("workspace"))?,
        state: RebuildState::parse(&state).ok_or_else(|| corrupt("state"))?,
        reason: row.try_get("", "reason")?,
        done: row.try_get("", "seq")?,
        until: row.try_get("", "until_seq")?,
        start: Timestamp::from_micros(row.try_get("", "start_time")?),
        end: row.try_get::<Option<i64>>("", "end_time")?.map(Timestamp::from_micros),
        digest_before: row.try_get("", "digest_before")?,
        digest_after: row.try_get("", "digest_after")?,
    })
}
