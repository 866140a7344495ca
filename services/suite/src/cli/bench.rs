//! What `tally bench` can be told.

use clap::{Args, Subcommand};
use http::Uri;

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally bench ingest                                  a throw-away SQLite file, 256 callers
  tally bench ingest --database postgres://…/tally_bench --seconds 10
  tally bench ingest --address http://127.0.0.1:7701  what runs there, with the key of TALLY_API_KEY
  tally bench query --events 100000                   what reports cost, on throw-away SQLite files")]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) what: BenchWhat,
}

#[derive(Subcommand)]
pub(crate) enum BenchWhat {
    /// Track, TrackBatch and the tail, against a call that does nothing and an insert that does nothing else.
    Ingest(BenchIngest),
    /// Reports: from the cache, without it, of a full ledger, and of what was tracked a moment ago.
    Query(BenchQuery),
}

#[derive(Args)]
pub(crate) struct BenchIngest {
    /// An ingest that runs already, such as http://127.0.0.1:7701; what is tracked stays in its ledger.
    /// Default: one of the bench's own.
    #[arg(long, conflicts_with_all = ["database", "redis"])]
    pub(crate) address: Option<Uri>,
    /// Where the bench's own services keep their data: a database nothing else uses. Default: a SQLite
    /// file that is thrown away.
    #[arg(long)]
    pub(crate) database: Option<String>,
    /// Redis for the bench's own services.
    #[arg(long)]
    pub(crate) redis: Option<String>,
    /// Callers with one call in flight each.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) callers: u16,
    /// Events of one TrackBatch.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) batch: u16,
    /// How long each measurement counts, in five rounds, each after a warm-up of a fifth.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=3_600))]
    pub(crate) seconds: u16,
    /// Events to put into the ledger first, to see what a full one costs.
    #[arg(long, default_value_t = 0)]
    pub(crate) preload: u64,
    /// Then send ten times as many batches at once as the machine can take, for as long again.
    #[arg(long)]
    pub(crate) overload: bool,
    /// Print as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally bench query                                   ten million events, throw-away SQLite files
  tally bench query --events 100000 --seconds 2       a first impression
  tally bench query --database postgres://…/tally_bench --redis redis://127.0.0.1 --json
Says what reports cost: GetOverview of 30 days from the cache and without it, and how much longer
it takes than with 100,000 events; how fast a backlog is consumed; how soon an event is in a
report. A hundred workspaces share the events, and one of them holds half.")]
pub(crate) struct BenchQuery {
    /// Where the bench's own services keep their data: a database nothing else uses. Default: a SQLite
    /// directory that is thrown away.
    #[arg(long)]
    pub(crate) database: Option<String>,
    /// Redis for the bench's own services. Default: a cache in this process.
    #[arg(long)]
    pub(crate) redis: Option<String>,
    /// Events to make and report on.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub(crate) events: u64,
    /// Callers with one call in flight each, where several ask at once.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) callers: u16,
    /// How long each measurement counts; what one caller asks is asked at least 1,000 times, for up to ten
    /// times as long.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=3_600))]
    pub(crate) seconds: u16,
    /// Then count every workspace again from the ledger, and see whether its cells come out the same.
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// Print as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
