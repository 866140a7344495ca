//! The values of dimensions that have a name of their own.

use db::Db;
use db::bulk::Rows;
use kernel::WorkspaceId;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::entity::dimension_value::{self, Column};
use crate::domain::Dimension;
use crate::domain::dimensions::ValueDigest;

/// Where they lie.
#[derive(Clone)]
pub(crate) struct DimensionStore(pub(crate) Db);

impl DimensionStore {
    /// All of a workspace.
    pub(crate) async fn load(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<(Dimension, ValueDigest)>, db::Error> {
        let rows = dimension_value::Entity::find()
            .filter(Column::Partition.eq(workspace.partition().get()))
            .filter(Column::Workspace.eq(workspace.get()))
            .all(self.0.reader())
            .await?;
        rows.into_iter()
            .map(|row| {
                let corrupt = || db::Error::corrupt("dimension_value", "dimension", row.workspace);
                let dimension = Dimension::from_row(row.dimension).ok_or_else(corrupt)?;
                Ok((dimension, ValueDigest::from_row(row.digest)))
            })
            .collect()
    }

    /// Keeps values; one kept before stays.
    pub(crate) async fn keep(
        &self,
        workspace: WorkspaceId,
        mut values: Vec<(Dimension, ValueDigest)>,
    ) -> Result<(), db::Error> {
        // In one order: replicas that keep the same values wait for each other and never in a circle.
        values.sort_unstable_by_key(|(dimension, value)| (dimension.to_row(), value.to_row()));
        self.0
            .write_rows(move |txn| {
                Box::pin(async move {
                    let rows = Rows::new()
                        .int("partition", vec![workspace.partition().get().into(); values.len()])
                        .int("workspace", vec![workspace.get(); values.len()])
                        .int("dimension", values.iter().map(|(d, _)| d.to_row().into()).collect())
                        .int("digest", values.iter().map(|(_, v)| v.to_row()).collect());
                    let sql = "INSERT INTO dimension_value ({columns}) SELECT {columns} FROM {rows} WHERE true \
                               ON CONFLICT (partition, workspace, dimension, digest) DO NOTHING";
                    txn.execute(rows, sql).await?;
                    Ok::<_, db::Error>(())
                })
            })
            .await
    }
}
