//! A table as plain as can be that promises what the ledger does: an index keeps a key from being used twice,
//! and the database does the rest. Benches compare the ledger, which has no such index, with it.

use sea_orm_migration::prelude::*;

use super::Migrator;

/// The migrations of a ledger with a unique index of its keys.
#[derive(Debug)]
pub struct Yardstick;

impl MigratorTrait for Yardstick {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut steps = Migrator::migrations();
        steps.push(Box::new(UniqueKeys));
        steps
    }
}

struct UniqueKeys;

impl MigrationName for UniqueKeys {
    fn name(&self) -> &str {
        "yardstick_unique_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for UniqueKeys {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name("event_key")
            .table("event")
            .col("partition")
            .col("key_hash")
            .unique()
            .to_owned();
        manager.create_index(index).await
    }
}
