//! The log itself.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_create_change"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("change")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("kind").text().not_null())
            .col(ColumnDef::new("subject").text().not_null())
            .col(ColumnDef::new("number").big_integer().not_null())
            .col(ColumnDef::new("effective_time").big_integer().not_null())
            .col(ColumnDef::new("recorded_time").big_integer().not_null())
            .col(ColumnDef::new("actor").text().not_null())
            .col(ColumnDef::new("reason").text().not_null())
            .col(ColumnDef::new("request_id").text().null())
            .col(ColumnDef::new("request_hash").binary().null())
            .col(ColumnDef::new("body").text().not_null())
            .primary_key(Index::create().col("partition").col("seq"))
            .to_owned();
        manager.create_table(table).await
    }
}
