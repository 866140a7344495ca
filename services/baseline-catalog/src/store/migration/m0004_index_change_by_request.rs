//! A caller's request ids, once each in its workspace; rows without one do not collide.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0004_index_change_by_request"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name("change_by_request")
            .table("change")
            .col("partition")
            .col("workspace")
            .col("request_id")
            .unique()
            .to_owned();
        manager.create_index(index).await
    }
}
