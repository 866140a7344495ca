//! The tables a consumer's database needs. Consumers list these two first in their migrator.

use kernel::Partition;
use sea_orm_migration::prelude::*;

/// One row a partition: who may apply it, and how far it is applied.
#[derive(Debug)]
pub struct CreateTailPartition;

/// One row a living replica.
#[derive(Debug)]
pub struct CreateTailMember;

impl MigrationName for CreateTailPartition {
    fn name(&self) -> &str {
        "tail_0001_create_tail_partition"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateTailPartition {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("tail_partition")
            .col(ColumnDef::new("partition").small_integer().not_null().primary_key())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .col(ColumnDef::new("epoch").big_integer().not_null())
            .col(ColumnDef::new("holder").big_integer().null())
            .col(ColumnDef::new("expires_time").big_integer().not_null())
            .to_owned();
        manager.create_table(table).await?;
        // The rows exist from the start, so that taking one is always an update of a row that is there.
        let mut rows = Query::insert()
            .into_table("tail_partition")
            .columns(["partition", "seq", "epoch", "expires_time"])
            .to_owned();
        for partition in Partition::all() {
            rows.values_panic([partition.get().into(), 0i64.into(), 0i64.into(), 0i64.into()]);
        }
        manager.execute(rows).await
    }
}

impl MigrationName for CreateTailMember {
    fn name(&self) -> &str {
        "tail_0002_create_tail_member"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateTailMember {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("tail_member")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("holder").big_integer().not_null())
            .col(ColumnDef::new("expires_time").big_integer().not_null())
            .primary_key(Index::create().col("partition").col("holder"))
            .to_owned();
        manager.create_table(table).await
    }
}
