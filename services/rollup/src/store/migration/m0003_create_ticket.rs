//! `ticket`: a number for every ticket of a workspace, so that sets of them are small bitmaps.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0003_create_ticket"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("ticket")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("ticket_id").text().not_null())
            .col(ColumnDef::new("number").big_integer().not_null())
            .primary_key(Index::create().col("partition").col("workspace").col("ticket_id"))
            .to_owned();
        manager.create_table(table).await
    }
}
