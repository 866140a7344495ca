//! Samples, by the event they were drawn from.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_create_sample"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("sample")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .col(ColumnDef::new("plan_id").text().not_null())
            .col(ColumnDef::new("plan_version").big_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("period_time").big_integer().not_null())
            .col(ColumnDef::new("stratum").text().not_null())
            .col(ColumnDef::new("probability_millionths").integer().not_null())
            .col(ColumnDef::new("state").text().not_null())
            .col(ColumnDef::new("agent_id").text().not_null())
            .col(ColumnDef::new("task_type").text().not_null())
            .col(ColumnDef::new("outcome").text().not_null())
            .col(ColumnDef::new("ticket_id").text().not_null())
            .col(ColumnDef::new("intent").text().not_null())
            .col(ColumnDef::new("channel").text().not_null())
            .col(ColumnDef::new("language").text().not_null())
            .col(ColumnDef::new("occurred_time").big_integer().not_null())
            .col(ColumnDef::new("recorded_time").big_integer().not_null())
            .primary_key(Index::create().col("partition").col("seq").col("plan_id"))
            .to_owned();
        manager.create_table(table).await
    }
}
