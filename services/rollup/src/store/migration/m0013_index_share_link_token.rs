//! A token finds its link in one look.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0013_index_share_link_token"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name("share_link_token")
            .table("share_link")
            .col("partition")
            .col("token_hash")
            .unique()
            .to_owned();
        manager.create_index(index).await
    }
}
