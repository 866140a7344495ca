//! API keys: an id, a digest, what it may do. The partition is the key's own, not the workspace's.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("api_key")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("key_id").big_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("name").text().not_null())
            .col(ColumnDef::new("scopes").small_integer().not_null())
            .col(ColumnDef::new("digest").blob().not_null())
            .col(ColumnDef::new("created_time").big_integer().not_null())
            .col(ColumnDef::new("expires_time").big_integer().null())
            .col(ColumnDef::new("revoked_time").big_integer().null())
            .primary_key(Index::create().col("partition").col("key_id"))
            .to_owned();
        manager.create_table(table).await
    }
}
