//! One idempotency key, one event, for as long as the row lives. NULLs never collide.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name("event_dedupe")
            .table("event")
            .col("partition")
            .col("dedupe_key")
            .unique()
            .to_owned();
        manager.create_index(index).await
    }
}
