//! `corrected_step`: steps that were judged again or taken back, as they were recorded. Others are not kept.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0008_create_corrected_step"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("corrected_step")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("generation").big_integer().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            // NULL while only a correction that does not carry it was seen.
            .col(ColumnDef::new("original").text().null())
            .col(ColumnDef::new("retracted").small_integer().not_null())
            .primary_key(
                Index::create().col("partition").col("workspace").col("generation").col("seq"),
            )
            .to_owned();
        manager.create_table(table).await
    }
}
