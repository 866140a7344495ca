//! `generation`: which cells of a workspace are read, and which are being built. No row: 0, and none.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0007_create_generation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("generation")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("live").big_integer().not_null())
            .col(ColumnDef::new("building").big_integer().null())
            .primary_key(Index::create().col("partition").col("workspace"))
            .to_owned();
        manager.create_table(table).await
    }
}
