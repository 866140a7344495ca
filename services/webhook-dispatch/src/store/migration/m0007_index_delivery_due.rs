//! Finding what is due. Partial, so that the millions that have settled cost it nothing.

use sea_orm_migration::prelude::*;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "webhook_0007_index_delivery_due"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name("delivery_due")
            .table("delivery")
            .col("partition")
            .col("due_time")
            .cond_where(Expr::col("due_time").is_not_null())
            .to_owned();
        manager.create_index(index).await
    }
}
