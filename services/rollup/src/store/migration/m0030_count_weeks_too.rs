//! Counts everything again, now that totals are kept by the week as well and hold one sketch of durations
//! and not one by outcome, and counts of tickets are written otherwise.

use sea_orm_migration::prelude::*;

use super::m0029_count_hours_too;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0030_count_weeks_too"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        m0029_count_hours_too::Step.up(manager).await
    }
}
