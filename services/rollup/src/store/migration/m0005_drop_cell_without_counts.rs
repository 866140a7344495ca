//! Drops the first `cell`: it could not say how many events of a cell a ticket has, so that nothing could be
//! taken back from it. The ledger has all of it, and is read again (`m0011_read_the_ledger_again`).

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0005_drop_cell_without_counts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("cell").to_owned()).await
    }
}
