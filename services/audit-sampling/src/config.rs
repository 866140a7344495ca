//! What audit sampling is told by its environment.

use chassis::ServiceConfig;
use chassis::config::Reader;

/// The configuration of audit sampling.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen, where the data and the other services are.
    pub service: ServiceConfig,
    /// Connections to the database, readers and writers together.
    pub connections: u32,
}

impl Config {
    const PORT: u16 = 7704;

    /// Reads the section `r` stands in; errors are collected in `r`.
    pub fn read(r: &mut Reader<'_>) -> Self {
        Self {
            service: ServiceConfig::read(r, Self::PORT),
            connections: r.own("CONNECTIONS", "8", "Connections to the database; at least 2."),
        }
    }
}
