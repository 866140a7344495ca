//! `judgement`: later judgements of corrected steps, and which were taken back.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0009_create_judgement"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("judgement")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("generation").big_integer().not_null())
            .col(ColumnDef::new("step_seq").big_integer().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            // NULL while only its retraction was seen.
            .col(ColumnDef::new("outcome").text().null())
            .col(ColumnDef::new("human_edit_ms").big_integer().null())
            .col(ColumnDef::new("retracted").small_integer().not_null())
            .primary_key(
                Index::create()
                    .col("partition")
                    .col("workspace")
                    .col("generation")
                    .col("step_seq")
                    .col("seq"),
            )
            .to_owned();
        manager.create_table(table).await
    }
}
