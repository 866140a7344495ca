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
#[command(after_help = "\
Examples:
  tally bench ingest                                  a throw-away SQLite file, 256 callers
  tally bench ingest --database postgres://…/tally_bench --preload 10000000
  tally bench ingest --overload --json                what it refuses, and how soon

Keys of --json, null where a figure was not taken:
  echo_per_s         calls a second of a server that does nothing
  track_per_s        Track calls a second, each on disk when it is answered
  track_vs_echo      track_per_s over echo_per_s
  batch_per_s        events a second through TrackBatch, on disk
  insert_per_s       rows a second of a bare multi-row INSERT of the same
  batch_vs_insert    batch_per_s over insert_per_s
  p50_us, p99_us     how long a Track took, microseconds
  tail_p50_ms, tail_p99_ms
                     from the answer of Track to a consumer of the ledger, at 5,000 events/s
  rss_mib            the most memory of this process, MiB, callers included
  overload_vs_batch  with --overload: events accepted over batch_per_s
  overload_p99_us    how long an accepted batch took then
  refused_p99_us     how long a refusal took then; 0 when nothing was refused
  refused_share      refused calls among all, 0 to 1
  preloaded          events in the ledger before anything was measured")]
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
Says what reports cost: GetOverview of 30 days from the cache and without it, and how much longer \
it takes than with 100,000 events; how fast a backlog is consumed; how soon an event is in a \
report. A hundred workspaces share the events, and one of them holds half.

Keys of --json:
  overview_p50_us_hot, overview_p99_us_hot
                     how long an overview of 30 days of the large workspace took from the cache,
                     microseconds
  overview_p50_us_cold, overview_p99_us_cold
                     the same when no cache can answer
  overviews_cold     how many these are of
  growth_ratio, growth_ratio_p50
                     overview_p99_us_cold and overview_p50_us_cold over those of the small ledger
  small_events       how many events that has
  queries_per_s      overviews and savings a second, many at once
  freshness_p50_ms, freshness_p99_ms
                     from the answer of Track to an overview that has the event
  freshness_events_per_s
                     events tracked meanwhile: 5,000 a second where the machine can
  consume_per_s      events of a backlog a second
  events             how many were reported on
  rebuild_per_s, rebuilds_identical
                     with --rebuild: events a second, and workspaces whose cells came out to the
                     byte as they were; null without
  rss_mib            the most memory of this process, MiB, callers and ingest included")]
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::bench::Report;
    use crate::bench::query::QueryReport;
    use clap::Command;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn every_key_of_json_is_explained() {
        let ingest = BenchIngest::augment_args(Command::new("ingest"));
        let query = BenchQuery::augment_args(Command::new("query"));
        for (mut command, json) in
            [(ingest, Report::default().json()), (query, QueryReport::default().json())]
        {
            let help = command.render_long_help().to_string();
            let json: BTreeMap<String, serde_json::Value> =
                serde_json::from_str(&json.unwrap()).unwrap();
            let (_, keys) = help.split_once("Keys of --json").unwrap();
            let named = keys.lines().filter_map(|line| line.strip_prefix("  "));
            let named = named.filter(|line| !line.starts_with(' '));
            let named: BTreeSet<&str> = named
                .flat_map(|line| line.split("  ").next().unwrap_or_default().split(", "))
                .collect();
            assert_eq!(named, json.keys().map(String::as_str).collect(), "{help}");
        }
    }
}
