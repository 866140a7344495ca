//! Schema steps, append-only, one each. They name their own columns: an entity that changes later
//! must not change what an old step did.

mod m0001_create_sample;
mod m0002_index_sample_by_workspace;
mod m0003_create_stratum_count;
mod m0004_create_install_secret;

use sea_orm_migration::prelude::*;

/// Brings a database to this version's schema.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(tail::CreateTailPartition),
            Box::new(tail::CreateTailMember),
            Box::new(m0001_create_sample::Migration),
            Box::new(m0002_index_sample_by_workspace::Migration),
            Box::new(m0003_create_stratum_count::Migration),
            Box::new(m0004_create_install_secret::Migration),
        ]
    }
}
