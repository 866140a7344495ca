//! How many changes a write made together: its first row says so, and a repeated request finds them
//! all. Rows from before wrote one each.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0005_add_change_batch"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("change")
            .add_column(ColumnDef::new("batch").big_integer().not_null().default(1))
            .to_owned();
        manager.alter_table(table).await
    }
}
