//! Empties `corrected_step`: what was corrected is learnt again, and counts again only if it is news.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0020_forget_corrected_steps"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.execute(Query::delete().from_table("corrected_step").to_owned()).await
    }
}
