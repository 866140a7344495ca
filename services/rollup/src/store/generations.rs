//! Which cells a batch goes to: those that are read, and those of a rebuild that grow beside them.
//!
//! From the moment a rebuild begins the consumer writes to both. What came before is replayed; since a
//! delta does not care what came first, the two meet at the position where the rebuild began.

use std::collections::HashMap;

use kernel::{Partition, WorkspaceId};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

/// Where the facts of each workspace are written.
#[derive(Debug, Default)]
pub(super) struct Lane {
    generations: HashMap<WorkspaceId, i64>,
    /// Whether a workspace without an entry has its facts written at all.
    listed_only: bool,
}

impl Lane {
    /// The cells of one workspace and no other.
    pub(super) fn only(workspace: WorkspaceId, generation: i64) -> Self {
        Self { generations: HashMap::from([(workspace, generation)]), listed_only: true }
    }

    pub(super) fn takes(&self, workspace: WorkspaceId) -> bool {
        !self.listed_only || self.generations.contains_key(&workspace)
    }

    /// The first generation is 0.
    pub(super) fn generation(&self, workspace: WorkspaceId) -> i64 {
        self.generations.get(&workspace).copied().unwrap_or(0)
    }
}

/// The lanes of some partitions: the one that is read, and one that is built where there is any. To be asked
/// behind the locks of their cursors, so that a rebuild begins between two batches.
pub(super) async fn lanes(
    txn: &DatabaseTransaction,
    partitions: impl IntoIterator<Item = Partition>,
) -> Result<(Lane, Option<Lane>), db::Error> {
    let find = Query::select()
        .columns(["workspace", "live", "building"])
        .from("generation")
        .and_where(Expr::col("partition").is_in(partitions.into_iter().map(Partition::get)))
        .to_owned();
    let mut live = Lane::default();
    let mut building = Lane { listed_only: true, ..Lane::default() };
    for row in txn.query_all(&find).await? {
        let number: i64 = row.try_get("", "workspace")?;
        let corrupt = || db::Error::corrupt("generation", "workspace", number);
        let workspace = WorkspaceId::new(number).ok_or_else(corrupt)?;
        live.generations.insert(workspace, row.try_get("", "live")?);
        if let Some(generation) = row.try_get("", "building")? {
            building.generations.insert(workspace, generation);
        }
    }
    Ok((live, (!building.generations.is_empty()).then_some(building)))
}
