//! Tables, in the order they came to be. Append only: a released step is never edited.

mod m0001_create_dimension_set;
mod m0002_create_cell;
mod m0003_create_ticket;
mod m0004_create_ticket_count;
mod m0005_drop_cell_without_counts;
mod m0006_create_cell_by_generation;
mod m0007_create_generation;
mod m0008_create_corrected_step;
mod m0009_create_judgement;
mod m0010_create_rebuild;
mod m0011_read_the_ledger_again;
mod m0012_create_share_link;
mod m0013_index_share_link_token;
mod m0014_index_share_link_request;
mod m0015_index_share_link_workspace;
mod m0016_create_share_attempt;
mod m0017_create_cell_block;
mod m0018_store_blocks_as_they_are;
mod m0019_drop_cell;
mod m0020_forget_corrected_steps;
mod m0021_forget_judgements;
mod m0022_forget_generations;
mod m0023_end_running_rebuilds;
mod m0024_read_the_ledger_once_more;
mod m0025_drop_dimension_set;
mod m0026_count_work_too;
mod m0027_count_tickets_once;
mod m0028_create_cell_pack;
mod m0029_count_hours_too;
mod m0030_count_weeks_too;

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
            Box::new(m0005_drop_cell_without_counts::Step),
            Box::new(m0006_create_cell_by_generation::Step),
            Box::new(m0007_create_generation::Step),
            Box::new(m0008_create_corrected_step::Step),
            Box::new(m0009_create_judgement::Step),
            Box::new(m0010_create_rebuild::Step),
            Box::new(m0011_read_the_ledger_again::Step),
            Box::new(m0012_create_share_link::Step),
            Box::new(m0013_index_share_link_token::Step),
            Box::new(m0014_index_share_link_request::Step),
            Box::new(m0015_index_share_link_workspace::Step),
            Box::new(m0016_create_share_attempt::Step),
            Box::new(m0017_create_cell_block::Step),
            Box::new(m0018_store_blocks_as_they_are::Step),
            Box::new(m0019_drop_cell::Step),
            Box::new(m0020_forget_corrected_steps::Step),
            Box::new(m0021_forget_judgements::Step),
            Box::new(m0022_forget_generations::Step),
            Box::new(m0023_end_running_rebuilds::Step),
            Box::new(m0024_read_the_ledger_once_more::Step),
            Box::new(m0025_drop_dimension_set::Step),
            Box::new(m0026_count_work_too::Step),
            Box::new(m0027_count_tickets_once::Step),
            Box::new(m0028_create_cell_pack::Step),
            Box::new(m0029_count_hours_too::Step),
            Box::new(m0030_count_weeks_too::Step),
        ]
    }
}
