//! Versions of one value by number: unique, so that no two writers can both have been "the next".

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0003_index_change_by_subject"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name("change_by_subject")
            .table("change")
            .col("partition")
            .col("workspace")
            .col("kind")
            .col("subject")
            .col("number")
            .unique()
            .to_owned();
        manager.create_index(index).await
    }
}
