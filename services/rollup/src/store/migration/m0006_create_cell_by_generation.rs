//! `cell`: sums of one dimension set over one quarter hour or one day of UTC, in one generation: a rebuild
//! fills another beside the one that is read.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0006_create_cell_by_generation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        table
            .table("cell")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("generation").big_integer().not_null())
            .col(ColumnDef::new("level").small_integer().not_null())
            .col(ColumnDef::new("start_time").big_integer().not_null())
            .col(ColumnDef::new("digest").blob().not_null());
        for sum in ["events", "gross_ms", "credited_ms", "strict_ms", "cost_micros"] {
            table.col(ColumnDef::new(sum).big_integer().not_null());
        }
        for sum in ["converted_micros", "unconverted_micros", "unconverted"] {
            table.col(ColumnDef::new(sum).big_integer().not_null());
        }
        for sum in ["uncosted", "unvalued"] {
            table.col(ColumnDef::new(sum).big_integer().not_null());
        }
        // A bitmap of ticket numbers and their counts above one; a sketch. Empty bytes are none.
        table
            .col(ColumnDef::new("tickets").blob().not_null())
            .col(ColumnDef::new("durations").blob().not_null());
        table.primary_key(
            Index::create()
                .col("partition")
                .col("workspace")
                .col("generation")
                .col("level")
                .col("start_time")
                .col("digest"),
        );
        manager.create_table(table).await
    }
}
