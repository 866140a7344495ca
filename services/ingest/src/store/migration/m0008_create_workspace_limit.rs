//! What a workspace may use. One without a row, and 0, have the install's limits.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("workspace_limit")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("rate_per_second").big_integer().not_null())
            .col(ColumnDef::new("rate_burst").big_integer().not_null())
            .col(ColumnDef::new("quota_soft").big_integer().not_null())
            .col(ColumnDef::new("quota_hard").big_integer().not_null())
            .col(ColumnDef::new("dimension_values").big_integer().not_null())
            .primary_key(Index::create().col("partition").col("workspace"))
            .to_owned();
        manager.create_table(table).await
    }
}
