//! `cell_block`: the cells of one quarter hour or day of UTC, of one grain and generation, by size of block.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0017_create_cell_block"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let key = ["partition", "workspace", "generation", "grain", "level", "start_time", "tier"];
        let (mut table, mut primary) = (Table::create(), Index::create());
        table
            .table("cell_block")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("generation").big_integer().not_null())
            .col(ColumnDef::new("grain").small_integer().not_null())
            .col(ColumnDef::new("level").small_integer().not_null())
            .col(ColumnDef::new("start_time").big_integer().not_null())
            .col(ColumnDef::new("tier").small_integer().not_null())
            .col(ColumnDef::new("signed").small_integer().not_null())
            // Readers of the first need not pass over the second.
            .col(ColumnDef::new("cells").blob().not_null())
            .col(ColumnDef::new("counts").blob().not_null());
        for column in key {
            primary.col(column);
        }
        manager.create_table(table.primary_key(&mut primary).to_owned()).await
    }
}
