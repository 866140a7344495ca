//! Values seen of each dimension, as digests: enough to count them, and it names nobody.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("dimension_value")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("dimension").small_integer().not_null())
            .col(ColumnDef::new("digest").big_integer().not_null())
            .primary_key(
                Index::create().col("partition").col("workspace").col("dimension").col("digest"),
            )
            .to_owned();
        manager.create_table(table).await
    }
}
