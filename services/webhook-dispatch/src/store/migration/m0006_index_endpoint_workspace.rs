//! Listing the endpoints of a workspace, oldest first.

use sea_orm_migration::prelude::*;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "webhook_0006_index_endpoint_workspace"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name("endpoint_workspace")
            .table("endpoint")
            .col("partition")
            .col("workspace")
            .col("created_time")
            .col("endpoint")
            .to_owned();
        manager.create_index(index).await
    }
}
