//! `rebuild`: recounts of a workspace from the ledger, how far each is and who works on it.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0010_create_rebuild"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("rebuild")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("rebuild_id").big_integer().not_null())
            .col(ColumnDef::new("request_id").text().not_null())
            .col(ColumnDef::new("reason").text().not_null())
            .col(ColumnDef::new("state").text().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .col(ColumnDef::new("until_seq").big_integer().not_null())
            .col(ColumnDef::new("start_time").big_integer().not_null())
            .col(ColumnDef::new("end_time").big_integer().null())
            .col(ColumnDef::new("digest_before").text().not_null())
            .col(ColumnDef::new("digest_after").text().not_null())
            .col(ColumnDef::new("holder").big_integer().null())
            .col(ColumnDef::new("expires_time").big_integer().not_null())
            .primary_key(Index::create().col("partition").col("workspace").col("rebuild_id"))
            .to_owned();
        manager.create_table(table).await
    }
}
