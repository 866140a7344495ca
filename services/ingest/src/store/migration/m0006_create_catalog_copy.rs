//! The catalog as last seen, so that ingest starts without the catalog. Built-ins lie in partition 0
//! below seq 0.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("catalog_copy")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .col(ColumnDef::new("change").blob().not_null())
            .primary_key(Index::create().col("partition").col("seq"))
            .to_owned();
        manager.create_table(table).await
    }
}
