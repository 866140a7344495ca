//! The store on both databases.

use async_trait::async_trait;
use db::Db;
use kernel::WorkspaceId;

use super::together::Together;
use super::{Part, Reading, Store, read, write};
use crate::domain::{AlignedWindow, Cell, Grain, Held};

/// Cells in SQLite or PostgreSQL.
#[derive(Debug, Clone)]
pub(crate) struct SqlStore {
    pub(super) db: Db,
    together: Together,
}

impl SqlStore {
    pub(crate) fn new(db: Db) -> Self {
        Self { together: Together::new(db.clone()), db }
    }

    pub(super) fn db(&self) -> &Db {
        &self.db
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn apply(&self, part: Part) -> Result<(), tail::Error> {
        self.together.apply(part).await
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
        write::known(self.db.reader(), &tickets).await
    }
}
