//! `dimension_set`: what the steps of a cell have in common, written once.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0001_create_dimension_set"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        table
            .table("dimension_set")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("digest").blob().not_null());
        for text in ["task_type", "agent", "outcome", "project", "intent", "queue", "channel"] {
            table.col(ColumnDef::new(text).text().not_null());
        }
        for text in ["language", "model", "baseline_version", "rate_version"] {
            table.col(ColumnDef::new(text).text().not_null());
        }
        table
            .col(ColumnDef::new("technical").small_integer().null())
            .col(ColumnDef::new("rate_micros_per_hour").big_integer().null())
            .col(ColumnDef::new("rate_currency").text().null())
            .col(ColumnDef::new("cost_currency").text().null())
            .primary_key(Index::create().col("partition").col("workspace").col("digest"));
        manager.create_table(table).await
    }
}
