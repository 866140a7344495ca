//! How far each partition's entries are counted into workspace_usage.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("usage_cursor")
            .col(ColumnDef::new("partition").small_integer().not_null().primary_key())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .to_owned();
        manager.create_table(table).await?;
        let mut rows =
            Query::insert().into_table("usage_cursor").columns(["partition", "seq"]).to_owned();
        for partition in 0..64i16 {
            rows.values_panic([partition.into(), 0i64.into()]);
        }
        manager.execute(rows).await
    }
}
