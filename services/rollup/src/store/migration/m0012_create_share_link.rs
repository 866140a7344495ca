//! `share_link`: saved reports that a token opens. Of token and passcode only hashes are kept.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0012_create_share_link"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("share_link")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("share_link").big_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("token_hash").binary().not_null())
            .col(ColumnDef::new("request_key").binary().not_null())
            .col(ColumnDef::new("request_hash").binary().not_null())
            .col(ColumnDef::new("title").text().not_null())
            .col(ColumnDef::new("report").binary().not_null())
            .col(ColumnDef::new("frozen").binary().null())
            .col(ColumnDef::new("passcode_hash").binary().null())
            .col(ColumnDef::new("suppress_small").boolean().not_null())
            .col(ColumnDef::new("created_time").big_integer().not_null())
            .col(ColumnDef::new("expire_time").big_integer().not_null())
            .col(ColumnDef::new("revoked_time").big_integer().null())
            .col(ColumnDef::new("opens").big_integer().not_null())
            .col(ColumnDef::new("last_opened_time").big_integer().null())
            .primary_key(Index::create().col("partition").col("share_link"))
            .to_owned();
        manager.create_table(table).await
    }
}
