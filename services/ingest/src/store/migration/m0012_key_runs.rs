//! Takes the index of dedupe keys from SQLite: they lie in sorted runs there (`store/keys`). PostgreSQL,
//! where several replicas write and the index costs the same at any size, keeps it. A process of before would
//! rely on the index: none may run on the file any more.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Sqlite {
            return Ok(());
        }
        let table = Table::create()
            .table("key_block")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("last_seq").big_integer().not_null())
            .col(ColumnDef::new("number").big_integer().not_null())
            .col(ColumnDef::new("after_seq").big_integer().not_null())
            .col(ColumnDef::new("blocks").big_integer().not_null())
            .col(ColumnDef::new("keys").blob().not_null())
            .primary_key(Index::create().col("partition").col("last_seq").col("number"))
            .to_owned();
        manager.create_table(table).await?;
        manager.drop_index(Index::drop().name("event_dedupe").table("event").to_owned()).await
    }
}
