//! The tables these tests use.
#![expect(elided_lifetimes_in_paths, reason = "the trait elides them, and async_trait compares")]

use sea_orm_migration::prelude::*;

pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateEvent), Box::new(CreateHead)]
    }
}

pub(crate) struct CreateEvent;

impl MigrationName for CreateEvent {
    fn name(&self) -> &str {
        "m0001_create_event"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateEvent {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("event")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .col(ColumnDef::new("agent").text().not_null())
            .col(ColumnDef::new("note").text())
            .col(ColumnDef::new("weight").big_integer())
            .col(ColumnDef::new("body").binary().not_null())
            .col(ColumnDef::new("dedupe_key").binary())
            .primary_key(Index::create().col("partition").col("seq"))
            .to_owned();
        manager.create_table(table).await
    }
}

struct CreateHead;

impl MigrationName for CreateHead {
    fn name(&self) -> &str {
        "m0002_create_head"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateHead {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("head")
            .col(ColumnDef::new("partition").small_integer().not_null().primary_key())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .to_owned();
        manager.create_table(table).await
    }
}
