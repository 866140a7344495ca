//! Tells PostgreSQL not to compress blocks: they are packed, and unpacking them again took most of a report.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0018_store_blocks_as_they_are"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let plain = "ALTER TABLE cell_block ALTER COLUMN cells SET STORAGE EXTERNAL, \
                     ALTER COLUMN counts SET STORAGE EXTERNAL";
        manager.get_connection().execute_unprepared(plain).await?;
        Ok(())
    }
}
