//! Subscribers. The state is checked, so that a typing error cannot switch one off.

use sea_orm_migration::prelude::*;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "webhook_0001_create_endpoint"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("endpoint")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("endpoint").big_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("url").text().not_null())
            .col(ColumnDef::new("description").text().not_null())
            .col(ColumnDef::new("event_types").text().not_null())
            .col(ColumnDef::new("filter").text().not_null())
            .col(ColumnDef::new("include_traceparent").boolean().not_null())
            .col(ColumnDef::new("secret").binary().not_null())
            .col(ColumnDef::new("after_seq").big_integer().not_null())
            .col(ColumnDef::new("state").text().not_null())
            .col(ColumnDef::new("request_key").binary().null())
            .col(ColumnDef::new("request_hash").binary().null())
            .col(ColumnDef::new("created_time").big_integer().not_null())
            .col(ColumnDef::new("updated_time").big_integer().not_null())
            .primary_key(Index::create().col("partition").col("endpoint"))
            .check(Expr::col("state").is_in(["enabled", "disabled", "deleted"]))
            .to_owned();
        manager.create_table(table).await
    }
}
