//! What webhook-dispatch is told by the environment.

use std::time::Duration;

use chassis::ServiceConfig;
use chassis::config::{FromVar, Reader};
use ipnet::IpNet;

/// Port when none is given.
const PORT: u16 = 7705;

/// The configuration of webhook-dispatch.
#[derive(Debug, Clone)]
pub struct Config {
    /// What every service is told.
    pub service: ServiceConfig,
    /// Connections to the database.
    pub connections: u32,
    /// Networks webhooks may reach whatever they are, by http and on any port too.
    pub allow_nets: AllowNets,
    /// Requests under way to one endpoint at once.
    pub endpoint_concurrency: usize,
    /// Requests under way to all endpoints at once.
    pub concurrency: usize,
    /// How long a batch waits for the next answer before it is written without.
    pub patience: Duration,
}

impl Config {
    /// Reads `TALLY_WEBHOOK_…` and `TALLY_…`; errors are collected in the reader.
    pub fn read(r: &mut Reader<'_>) -> Self {
        let config = Self {
            service: ServiceConfig::read(r, PORT),
            connections: r.own("CONNECTIONS", "8", "Connections to the database."),
            allow_nets: r
                .own_optional(
                    "ALLOW_NETS",
                    "Networks webhooks may reach although they are private, by http and on any port too: \
                     127.0.0.0/8,10.1.0.0/16. None by default.",
                )
                .unwrap_or_default(),
            endpoint_concurrency: r.own(
                "ENDPOINT_CONCURRENCY",
                "32",
                "Requests under way to one endpoint at once.",
            ),
            concurrency: r.own("CONCURRENCY", "512", "Requests under way to all endpoints at once."),
            patience: r.own(
                "PATIENCE",
                "50ms",
                "How long a batch waits for the next answer before it is written without.",
            ),
        };
        for (name, places) in [
            ("ENDPOINT_CONCURRENCY", config.endpoint_concurrency),
            ("CONCURRENCY", config.concurrency),
        ] {
            if places == 0 {
                r.refuse(format!("TALLY_WEBHOOK_{name}: with 0 nothing would ever be sent"));
            }
        }
        config
    }
}

/// Networks, a comma between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowNets(pub Vec<IpNet>);

impl FromVar for AllowNets {
    fn from_var(text: &str) -> Result<Self, String> {
        let nets = text.split(',').map(|net| net.trim().parse());
        nets.collect::<Result<_, _>>()
            .map(Self)
            .map_err(|_| "is not a list of networks like 127.0.0.0/8,fd00::/8".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_listed_with_commas() {
        let nets = AllowNets::from_var("127.0.0.0/8, ::1/128").map(|nets| nets.0.len());
        assert_eq!(nets, Ok(2));
        assert!(AllowNets::from_var("localhost").is_err());
        assert!(AllowNets::from_var("127.0.0.0/8,").is_err());
    }
}
