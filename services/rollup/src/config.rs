//! What rollup is told by the environment.

use chassis::ServiceConfig;
use chassis::config::Reader;

/// Port when none is given.
const PORT: u16 = 7703;

/// The configuration of rollup.
#[derive(Debug, Clone)]
pub struct Config {
    /// What every service is told.
    pub service: ServiceConfig,
    /// Connections to the database.
    pub connections: u32,
}

impl Config {
    /// Reads `TALLY_ROLLUP_…` and `TALLY_…`; errors are collected in the reader.
    pub fn read(r: &mut Reader<'_>) -> Self {
        Self {
            service: ServiceConfig::read(r, PORT),
            connections: r.own("CONNECTIONS", "8", "Connections to the database."),
        }
    }
}
