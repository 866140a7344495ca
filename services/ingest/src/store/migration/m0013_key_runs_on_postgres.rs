//! Takes the index of dedupe keys from PostgreSQL too: a random key changes a page of it for itself, which
//! with ten million entries was half of what a batch cost. A process of before would rely on the index and
//! write events twice, so it finds the column no more: it is named as what it holds, a hash like its
//! neighbour.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let rename =
            Table::alter().table("event").rename_column("dedupe_key", "key_hash").to_owned();
        manager.alter_table(rename).await?;
        if manager.get_database_backend() != DbBackend::Postgres {
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
        // Hashes do not become smaller by compressing them.
        let plain = "ALTER TABLE key_block ALTER COLUMN keys SET STORAGE EXTERNAL";
        manager.get_connection().execute_unprepared(plain).await?;
        manager.drop_index(Index::drop().name("event_dedupe").table("event").to_owned()).await
    }
}
