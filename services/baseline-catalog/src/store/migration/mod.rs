//! Schema steps, append-only, one each. They name their own columns: an entity that changes later
//! must not change what an old step did.

mod m0001_create_change;
mod m0002_create_change_head;
mod m0003_index_change_by_subject;
mod m0004_index_change_by_request;
mod m0005_add_change_batch;

use sea_orm_migration::prelude::*;

/// Brings a database to this version's schema.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_create_change::Migration),
            Box::new(m0002_create_change_head::Migration),
            Box::new(m0003_index_change_by_subject::Migration),
            Box::new(m0004_index_change_by_request::Migration),
            Box::new(m0005_add_change_batch::Migration),
        ]
    }
}
