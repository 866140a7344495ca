//! The store on both databases.

use async_trait::async_trait;
use db::Db;
use kernel::{Partition, WorkspaceId};

use super::known::Known;
use super::write::Named;
use super::{Cursor, Reading, Store, facts, generations, read, write};
use crate::domain::{AlignedWindow, Cell, Fact, Grain, Held};

/// Cells in SQLite or PostgreSQL.
#[derive(Debug, Clone)]
pub(crate) struct SqlStore {
    pub(super) db: Db,
    pub(super) known: Known,
}

impl SqlStore {
    pub(crate) fn new(db: Db) -> Self {
        Self { db, known: Known::new() }
    }

    pub(super) fn db(&self) -> &Db {
        &self.db
    }

    /// Of what was committed.
    pub(super) async fn learn(&self, sets: Named) {
        for (workspace, name, set) in sets {
            self.known.learn(workspace, name, set).await;
        }
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
        let known = self.known.clone();
        let sets = self
            .db
            .write(move |txn| {
                Box::pin(async move {
                    // First of all: whoever moved the cursor holds its row until the commit, so that
                    // what is read below cannot be changed by a replica that lost its lease.
                    cursor.advance(txn).await?;
                    if facts.is_empty() {
                        return Ok::<_, tail::Error>(Named::new());
                    }
                    let (live, building) = generations::lanes(txn, partition).await?;
                    let sets = facts::write(txn, partition, &live, &known, &facts).await?;
                    if let Some(building) = building {
                        facts::write(txn, partition, &building, &known, &facts).await?;
                    }
                    Ok(sets)
                })
            })
            .await?;
        self.learn(sets).await;
        Ok(())
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
