//! A request_id makes one link, however many twins race.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "rollup_0014_index_share_link_request"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name("share_link_request")
            .table("share_link")
            .col("partition")
            .col("request_key")
            .unique()
            .to_owned();
        manager.create_index(index).await
    }
}
