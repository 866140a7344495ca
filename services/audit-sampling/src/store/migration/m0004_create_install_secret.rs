//! The secret that salts are derived from.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0004_create_install_secret"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("install_secret")
            .col(ColumnDef::new("partition").small_integer().not_null().primary_key())
            .col(ColumnDef::new("secret").binary().not_null())
            .to_owned();
        manager.create_table(table).await
    }
}
