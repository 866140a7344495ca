//! A request_id makes one endpoint, however many twins race.

use sea_orm_migration::prelude::*;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "webhook_0005_index_endpoint_request"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name("endpoint_request")
            .table("endpoint")
            .col("partition")
            .col("request_key")
            .unique()
            .to_owned();
        manager.create_index(index).await
    }
}
