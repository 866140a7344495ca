//! Ends rebuilds that are under way: the ledger is read again as a whole.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0023_end_running_rebuilds"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ended = Query::update()
            .table("rebuild")
            .value("state", "failed")
            .and_where(Expr::col("state").eq("running"))
            .to_owned();
        manager.execute(ended).await
    }
}
