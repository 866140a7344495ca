//! `cell_pack`: what the latest batches have added to the cells of a workspace, in order.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0028_create_cell_pack"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (mut table, mut primary) = (Table::create(), Index::create());
        table
            .table("cell_pack")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("generation").big_integer().not_null())
            .col(ColumnDef::new("number").big_integer().not_null())
            .col(ColumnDef::new("blocks").blob().not_null());
        for column in ["partition", "workspace", "generation", "number"] {
            primary.col(column);
        }
        manager.create_table(table.primary_key(&mut primary).to_owned()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            let plain = "ALTER TABLE cell_pack ALTER COLUMN blocks SET STORAGE EXTERNAL";
            manager.get_connection().execute_unprepared(plain).await?;
        }
        Ok(())
    }
}
