//! Drops `cell`: its rows are blocks now, which the ledger fills again (`m0024_read_the_ledger_once_more`).

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0019_drop_cell"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("cell").to_owned()).await
    }
}
