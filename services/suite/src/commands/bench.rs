//! `tally bench`.

mod ingest;
mod query;

use std::process::ExitCode;

use crate::cli::{Bench, BenchWhat};
use crate::failure::Failure;

pub(crate) async fn run(args: Bench) -> Result<ExitCode, Failure> {
    match args.what {
        BenchWhat::Ingest(args) => ingest::run(args).await,
        BenchWhat::Query(args) => query::run(args).await,
    }
}
