//! A workspace's samples in the order they are listed.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0002_index_sample_by_workspace"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name("sample_by_workspace")
            .table("sample")
            .col("partition")
            .col("workspace")
            .col("seq")
            .to_owned();
        manager.create_index(index).await
    }
}
