//! The store on both databases.

use async_trait::async_trait;
use db::Db;
use kernel::{Partition, WorkspaceId};

use super::{Cursor, Reading, Store, read, write};
use crate::domain::{AlignedWindow, Deltas};

/// Cells in SQLite or PostgreSQL.
#[derive(Debug, Clone)]
pub(crate) struct SqlStore {
    db: Db,
}

impl SqlStore {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn apply(
        &self,
        partition: Partition,
        deltas: Deltas,
        cursor: Box<dyn Cursor>,
    ) -> Result<(), tail::Error> {
        self.db
            .write(move |txn| {
                Box::pin(async move {
                    // First of all: whoever moved the cursor holds its row until the commit, so that
                    // what is read below cannot be changed by a replica that lost its lease.
                    cursor.advance(txn).await?;
                    write::deltas(txn, partition, &deltas).await?;
                    Ok(())
                })
            })
            .await
    }

    async fn read(
        &self,
        workspace: WorkspaceId,
        window: &AlignedWindow,
    ) -> Result<Reading, db::Error> {
        read::window(self.db.reader(), workspace, window).await
    }
}
