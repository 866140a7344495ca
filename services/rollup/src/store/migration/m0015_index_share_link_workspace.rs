//! The links of a workspace, by age.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0015_index_share_link_workspace"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name("share_link_workspace")
            .table("share_link")
            .col("partition")
            .col("workspace")
            .col("created_time")
            .col("share_link")
            .to_owned();
        manager.create_index(index).await
    }
}
