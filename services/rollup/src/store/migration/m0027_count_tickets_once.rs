//! Counts everything again, now that totals hold each ticket once and not by outcome: empties what follows
//! from the ledger, ends rebuilds that are under way and moves every cursor back to the beginning.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0027_count_tickets_once"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["cell_block", "corrected_step", "judgement", "generation"] {
            manager.execute(Query::delete().from_table(table).to_owned()).await?;
        }
        let ended = Query::update()
            .table("rebuild")
            .value("state", "failed")
            .and_where(Expr::col("state").eq("running"))
            .to_owned();
        manager.execute(ended).await?;
        let rewind = Query::update().table("tail_partition").value("seq", 0i64).to_owned();
        manager.execute(rewind).await
    }
}
