//! Moves every cursor back to the beginning: the blocks are filled from the ledger.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0024_read_the_ledger_once_more"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let rewind = Query::update().table("tail_partition").value("seq", 0i64).to_owned();
        manager.execute(rewind).await
    }
}
