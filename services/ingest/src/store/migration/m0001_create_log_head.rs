//! The last seq of every partition: the row a commit holds.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Step;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("log_head")
            .col(ColumnDef::new("partition").small_integer().not_null().primary_key())
            .col(ColumnDef::new("head").big_integer().not_null())
            .to_owned();
        manager.create_table(table).await?;
        let mut rows =
            Query::insert().into_table("log_head").columns(["partition", "head"]).to_owned();
        for partition in 0..64i16 {
            rows.values_panic([partition.into(), 0i64.into()]);
        }
        manager.execute(rows).await
    }
}
