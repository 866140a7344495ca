//! Finding what is due endpoint by endpoint, so that the backlog of one whose lane is full is passed over
//! in one step. Partial like its sibling.

use sea_orm_migration::prelude::*;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "webhook_0008_index_delivery_endpoint_due"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name("delivery_endpoint_due")
            .table("delivery")
            .col("partition")
            .col("endpoint")
            .col("due_time")
            .col("seq")
            .cond_where(Expr::col("due_time").is_not_null())
            .to_owned();
        manager.create_index(index).await
    }
}
