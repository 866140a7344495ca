//! Entries of each workspace by calendar month of UTC (months since year 0), counted behind the ledger.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("workspace_usage")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("month").big_integer().not_null())
            .col(ColumnDef::new("events").big_integer().not_null())
            .primary_key(Index::create().col("partition").col("workspace").col("month"))
            .to_owned();
        manager.create_table(table).await
    }
}
