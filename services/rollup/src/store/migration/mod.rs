//! Tables, in the order they came to be. Append only: a released step is never edited.

mod m0001_create_dimension_set;
mod m0002_create_cell;
mod m0003_create_ticket;
mod m0004_create_ticket_count;

use sea_orm_migration::prelude::*;

/// All steps. The cursors come first: they are tail's.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(tail::CreateTailPartition),
            Box::new(tail::CreateTailMember),
            Box::new(m0001_create_dimension_set::Step),
            Box::new(m0002_create_cell::Step),
            Box::new(m0003_create_ticket::Step),
            Box::new(m0004_create_ticket_count::Step),
        ]
    }
}
