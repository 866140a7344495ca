//! Counts everything again, now that totals are kept by the hour as well. How that is done stands in
//! `m0027_count_tickets_once`, which no longer changes.

use sea_orm_migration::prelude::*;

use super::m0027_count_tickets_once;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0029_count_hours_too"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.execute(Query::delete().from_table("cell_pack").to_owned()).await?;
        m0027_count_tickets_once::Step.up(manager).await
    }
}
