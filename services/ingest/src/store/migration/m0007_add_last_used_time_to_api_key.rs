//! When a key was last used: whether it can go is asked of every key some day.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("api_key")
            .add_column(ColumnDef::new("last_used_time").big_integer().null())
            .to_owned();
        manager.alter_table(table).await
    }
}
