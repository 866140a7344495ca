//! The tables, one step a migration. Append-only: a released step is never changed.

mod m0001_create_endpoint;
mod m0002_create_roster;
mod m0003_create_delivery;
mod m0004_create_attempt;
mod m0005_index_endpoint_request;
mod m0006_index_endpoint_workspace;
mod m0007_index_delivery_due;
mod m0008_index_delivery_endpoint_due;

use sea_orm_migration::prelude::*;

/// Brings a database to this version.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(tail::CreateTailPartition),
            Box::new(tail::CreateTailMember),
            Box::new(m0001_create_endpoint::Migration),
            Box::new(m0002_create_roster::Migration),
            Box::new(m0003_create_delivery::Migration),
            Box::new(m0004_create_attempt::Migration),
            Box::new(m0005_index_endpoint_request::Migration),
            Box::new(m0006_index_endpoint_workspace::Migration),
            Box::new(m0007_index_delivery_due::Migration),
            Box::new(m0008_index_delivery_endpoint_due::Migration),
        ]
    }
}
