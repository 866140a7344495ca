//! One row for each HTTP request that came to an end.

use sea_orm_migration::prelude::*;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "webhook_0004_create_attempt"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("attempt")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("endpoint").big_integer().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .col(ColumnDef::new("number").integer().not_null())
            .col(ColumnDef::new("verdict").text().not_null())
            .col(ColumnDef::new("http_status").integer().null())
            .col(ColumnDef::new("response").text().not_null())
            .col(ColumnDef::new("error").text().not_null())
            .col(ColumnDef::new("started_time").big_integer().not_null())
            .col(ColumnDef::new("took_us").big_integer().not_null())
            .primary_key(Index::create().col("partition").col("endpoint").col("seq").col("number"))
            .to_owned();
        manager.create_table(table).await
    }
}
