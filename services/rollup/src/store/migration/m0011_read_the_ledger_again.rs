//! Moves every cursor back to the beginning: the cells are counted again, with corrections this time.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0011_read_the_ledger_again"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let rewind = Query::update().table("tail_partition").value("seq", 0i64).to_owned();
        manager.execute(rewind).await
    }
}
