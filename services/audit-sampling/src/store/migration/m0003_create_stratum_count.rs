//! What was drawn from how many: the populations behind every estimate.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0003_create_stratum_count"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("stratum_count")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("plan_id").text().not_null())
            .col(ColumnDef::new("period_time").big_integer().not_null())
            .col(ColumnDef::new("stratum").text().not_null())
            .col(ColumnDef::new("considered").big_integer().not_null())
            .col(ColumnDef::new("drawn").big_integer().not_null())
            .primary_key(
                Index::create()
                    .col("partition")
                    .col("workspace")
                    .col("plan_id")
                    .col("period_time")
                    .col("stratum"),
            )
            .to_owned();
        manager.create_table(table).await
    }
}
