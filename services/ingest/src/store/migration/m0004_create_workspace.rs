//! Tenants.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("workspace")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("name").text().not_null())
            .col(ColumnDef::new("time_zone").text().not_null())
            .col(ColumnDef::new("currency").text().not_null())
            .col(ColumnDef::new("accept_unknown").boolean().not_null())
            .col(ColumnDef::new("created_time").big_integer().not_null())
            .primary_key(Index::create().col("partition").col("workspace"))
            .to_owned();
        manager.create_table(table).await
    }
}
