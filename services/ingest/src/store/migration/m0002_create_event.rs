//! The ledger. Rows are inserted and never touched again.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("event")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("kind").small_integer().not_null())
            .col(ColumnDef::new("recorded_time").big_integer().not_null())
            .col(ColumnDef::new("occurred_time").big_integer().not_null())
            .col(ColumnDef::new("dedupe_key").blob().null())
            .col(ColumnDef::new("body_hash").blob().not_null())
            .col(ColumnDef::new("trace_context").blob().null())
            .col(ColumnDef::new("record").blob().not_null())
            .primary_key(Index::create().col("partition").col("seq"))
            .to_owned();
        manager.create_table(table).await
    }
}
