//! Empties `judgement`, as `m0020_forget_corrected_steps` does its steps.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0021_forget_judgements"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.execute(Query::delete().from_table("judgement").to_owned()).await
    }
}
