//! `share_attempt`: who opened a link, or tried to.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0016_create_share_attempt"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("share_attempt")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("share_link").big_integer().not_null())
            .col(ColumnDef::new("attempted_time").big_integer().not_null())
            .col(ColumnDef::new("attempt").big_integer().not_null())
            .col(ColumnDef::new("outcome").text().not_null())
            .col(ColumnDef::new("reader_address").text().not_null())
            .col(ColumnDef::new("reader_agent").text().not_null())
            .primary_key(
                Index::create()
                    .col("partition")
                    .col("share_link")
                    .col("attempted_time")
                    .col("attempt"),
            )
            .check(Expr::col("outcome").is_in(["opened", "expired", "revoked", "passcode"]))
            .to_owned();
        manager.create_table(table).await
    }
}
