//! The schema, one step a file; files are added, never changed.

mod m0001_create_log_head;
mod m0002_create_event;
mod m0003_index_event_dedupe;
mod m0004_create_workspace;
mod m0005_create_api_key;
mod m0006_create_catalog_copy;
mod m0007_add_last_used_time_to_api_key;
mod m0008_create_workspace_limit;
mod m0009_create_workspace_usage;
mod m0010_create_usage_cursor;
mod m0011_create_dimension_value;
mod m0012_key_runs;
mod m0013_key_runs_on_postgres;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// The migrations of ingest.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_create_log_head::Step),
            Box::new(m0002_create_event::Step),
            Box::new(m0003_index_event_dedupe::Step),
            Box::new(m0004_create_workspace::Step),
            Box::new(m0005_create_api_key::Step),
            Box::new(m0006_create_catalog_copy::Step),
            Box::new(m0007_add_last_used_time_to_api_key::Step),
            Box::new(m0008_create_workspace_limit::Step),
            Box::new(m0009_create_workspace_usage::Step),
            Box::new(m0010_create_usage_cursor::Step),
            Box::new(m0011_create_dimension_value::Step),
            Box::new(m0012_key_runs::Step),
            Box::new(m0013_key_runs_on_postgres::Step),
        ]
    }
}
