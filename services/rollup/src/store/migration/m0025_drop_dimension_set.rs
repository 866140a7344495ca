//! Drops `dimension_set`: blocks say themselves what their cells have in common.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0025_drop_dimension_set"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("dimension_set").to_owned()).await
    }
}
