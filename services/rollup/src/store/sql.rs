//! The store on both databases.

use async_trait::async_trait;
use db::Db;
use kernel::{Partition, WorkspaceId};

use super::{Cursor, Reading, Store, facts, generations, read, write};
use crate::domain::{AlignedWindow, Cell, Fact, Grain, Held};

/// Cells in SQLite or PostgreSQL.
#[derive(Debug, Clone)]
pub(crate) struct SqlStore {
    pub(super) db: Db,
}

impl SqlStore {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(super) fn db(&self) -> &Db {
        &self.db
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn apply(
        &self,
        partition: Partition,
        facts: Vec<Fact>,
        cursor: Box<dyn Cursor>,
    ) -> Result<(), tail::Error> {
        self.db
            .write(move |txn| {
                Box::pin(async move {
                    // First of all: whoever moved the cursor holds its row until the commit, so that
                    // what is read below cannot be changed by a replica that lost its lease.
                    cursor.advance(txn).await?;
                    if facts.is_empty() {
                        return Ok(());
                    }
                    let (live, building) = generations::lanes(txn, partition).await?;
                    facts::write(txn, partition, &live, &facts).await?;
                    if let Some(building) = building {
                        facts::write(txn, partition, &building, &facts).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn windows(
        &self,
        workspace: WorkspaceId,
        grain: Grain,
        windows: &[AlignedWindow],
    ) -> Result<Reading<(usize, Cell)>, db::Error> {
        read::windows(self, workspace, grain, windows).await
    }

    async fn every(
        &self,
        workspace: WorkspaceId,
        window: &AlignedWindow,
    ) -> Result<Reading<Held>, db::Error> {
        read::every(self, workspace, window).await
    }

    async fn numbers(
        &self,
        workspace: WorkspaceId,
        tickets: Vec<String>,
    ) -> Result<Vec<Option<u32>>, db::Error> {
        let tickets: Vec<_> = tickets.into_iter().map(|id| (workspace, id)).collect();
        write::known(self.db.reader(), workspace.partition(), &tickets).await
    }
}
