//! `ticket_count`: how many tickets of a workspace have a number; the next one gets that number.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0004_create_ticket_count"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("ticket_count")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("tickets").big_integer().not_null())
            .primary_key(Index::create().col("partition").col("workspace"))
            .to_owned();
        manager.create_table(table).await
    }
}
