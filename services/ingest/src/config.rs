//! What ingest needs to know.

use chassis::ServiceConfig;
use chassis::config::Reader;

use crate::domain::Allowance;

/// Configuration of ingest.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every service is told.
    pub service: ServiceConfig,
    /// Commits under way at once; a partition belongs to one of them.
    pub(crate) lanes: usize,
    /// No commit covers two partitions.
    pub(crate) one_partition: bool,
    /// Calls waiting for a commit before more are refused and streams wait.
    pub(crate) queue: usize,
    /// TrackBatch calls served at once; more are refused unread.
    pub(crate) batches: usize,
    /// Connections to the database.
    pub connections: u32,
    /// What a workspace may use that says nothing itself.
    pub(crate) allowance: Allowance,
}

impl Config {
    /// Reads `TALLY_INGEST_…` and what all services share.
    pub fn read(r: &mut Reader<'_>) -> Self {
        Self {
            service: ServiceConfig::read(r, 7701),
            // They hide one another's fsync: batches of 500 went from 66,000 to 75,000 a second when two
            // became four.
            // SQLite has one writer and gains nothing from a second.
            lanes: r.own(
                "LANES",
                "4",
                "Large group commits in flight at once on PostgreSQL; SQLite uses one.",
            ),
            one_partition: r.own(
                "ONE_PARTITION",
                "false",
                "Whether each group commit keeps to one partition: for a PostgreSQL distributed by that column.",
            ),
            queue: r.own(
                "QUEUE",
                "8192",
                "Calls that may wait for a commit; more are refused, and streams are held back.",
            ),
            batches: r.own(
                "BATCHES",
                "64",
                "TrackBatch calls served at once; more are refused before they are read.",
            ),
            connections: r.own("CONNECTIONS", "8", "Database connections, 2 or more."),
            allowance: Allowance {
                per_second: r.own(
                    "RATE_LIMIT",
                    "0",
                    "Events a second for each workspace that has no limit of its own; 0 for any number.",
                ),
                burst: r.own(
                    "RATE_BURST",
                    "0",
                    "Events at once after a pause, beside RATE_LIMIT; 0 for what a second allows.",
                ),
                dimension_values: r.own(
                    "DIMENSION_VALUES_MAX",
                    "10000",
                    "Distinct agents, queues, … of each workspace that has no limit of its own; 0 for any number.",
                ),
                ..Allowance::default()
            },
        }
    }
}
