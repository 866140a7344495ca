//! Empties `generation`: there are no cells of any, and the first is 0.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0022_forget_generations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.execute(Query::delete().from_table("generation").to_owned()).await
    }
}
