//! Everything the environment says, read at once: a typo in any variable is named before anything runs.

use std::path::PathBuf;

use chassis::config::{Book, ConfigErrors, Reader, Vars, prefix_of};
use chassis::{ServiceConfig, telemetry};
use http::Uri;
use secrecy::SecretString;

/// In the order of [`Settings::services`].
const NAMES: [&str; 5] = [
    ingest::NAME,
    baseline_catalog::NAME,
    rollup::NAME,
    audit_sampling::NAME,
    webhook_dispatch::NAME,
];

/// Settings of every service and of the command line.
pub(crate) struct Settings {
    pub(crate) process: chassis::Settings,
    pub(crate) telemetry: telemetry::Settings,
    /// Where the command line finds the services.
    pub(crate) peers: ServiceConfig,
    pub(crate) api_key: Option<SecretString>,
    pub(crate) ingest: ingest::Config,
    pub(crate) catalog: baseline_catalog::Config,
    pub(crate) rollup: rollup::Config,
    pub(crate) audit: audit_sampling::Config,
    pub(crate) webhook: webhook_dispatch::Config,
}

impl Settings {
    /// Reads all variables; `name` is what this process is called in telemetry.
    pub(crate) fn read(vars: &dyn Vars, name: &str) -> Result<(Self, Book), ConfigErrors> {
        let mut r = Reader::new(vars, "SUITE");
        let mut settings = Self {
            process: chassis::Settings::read(&mut r),
            telemetry: telemetry::Settings::read(&mut r, name),
            peers: ServiceConfig::read(&mut r, 7700),
            api_key: r.global_secret("API_KEY", "The API key the command line uses."),
            ingest: ingest::Config::read(r.section("INGEST")),
            catalog: baseline_catalog::Config::read(r.section("CATALOG")),
            rollup: rollup::Config::read(r.section("ROLLUP")),
            audit: audit_sampling::Config::read(r.section("AUDIT")),
            webhook: webhook_dispatch::Config::read(r.section("WEBHOOK")),
        };
        for (name, service) in NAMES.into_iter().zip(settings.services()) {
            addresses(r.section(&prefix_of(name)), name, service);
        }
        Ok((settings, r.finish()?))
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.peers.data_dir.clone()
    }

    /// What each service shares with the others, in the order of their ports.
    pub(crate) fn services(&mut self) -> [&mut ServiceConfig; 5] {
        [
            &mut self.ingest.service,
            &mut self.catalog.service,
            &mut self.rollup.service,
            &mut self.audit.service,
            &mut self.webhook.service,
        ]
    }

    /// In one process the services find each other where they really listen, whatever the defaults say.
    pub(crate) fn meet(&mut self) {
        let scheme = if self.process.transport.tls.identity.is_some() { "https" } else { "http" };
        let urls = self.services().map(|service| {
            let mut at = service.listen;
            if at.ip().is_unspecified() {
                at.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            }
            format!("{scheme}://{at}").parse::<Uri>().expect("an address makes a URI")
        });
        let mut all: Vec<&mut ServiceConfig> = Vec::new();
        let Self { peers, ingest, catalog, rollup, audit, webhook, .. } = self;
        all.extend([peers, &mut ingest.service, &mut catalog.service, &mut rollup.service]);
        all.extend([&mut audit.service, &mut webhook.service]);
        for service in all {
            let [ingest, catalog, rollup, audit, webhook] = urls.clone();
            service.ingest_url = ingest;
            service.catalog_url = catalog;
            service.rollup_url = rollup;
            service.audit_url = audit;
            service.webhook_url = webhook;
        }
    }

    /// Whether every database is embedded: one process, one machine, nobody else to ask.
    pub(crate) fn embedded(&mut self) -> bool {
        self.services().iter().all(|service| service.database_url.starts_with("sqlite:"))
    }
}

/// An address that cannot be one is said with everything else that is wrong, not by the service that
/// stumbles over it.
fn addresses(r: &mut Reader<'_>, context: &'static str, service: &ServiceConfig) {
    let url = service.database_url.clone();
    if let Err(error) = (db::Settings { url, context, connections: 2 }).check() {
        r.refuse_own("DATABASE_URL", &error.to_string());
    }
    if let Some(Err(error)) = service.redis_url.as_ref().map(hot::check) {
        r.refuse_own("REDIS_URL", &error.to_string());
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn vars(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn without_any_variable_everything_is_embedded_and_on_loopback() {
        let (mut settings, _) = Settings::read(&vars(&[]), "tally").unwrap();
        assert!(settings.embedded());
        let ports = settings.services().map(|service| service.listen.port());
        assert_eq!(ports, [7701, 7702, 7703, 7704, 7705]);
        assert!(settings.services().iter().all(|service| service.listen.ip().is_loopback()));
    }

    #[test]
    fn every_wrong_variable_is_named_at_once() {
        let vars = vars(&[
            ("TALLY_INGEST_LISTEN", "abc"),
            ("TALLY_ROLLUP_CONNECTIONS", "many"),
            ("TALLY_INGEST_LISTN", "127.0.0.1:1"),
        ]);
        let errors = Settings::read(&vars, "tally").err().unwrap().to_string();
        for name in ["TALLY_INGEST_LISTEN:", "TALLY_ROLLUP_CONNECTIONS:", "TALLY_INGEST_LISTN:"] {
            assert!(errors.contains(name), "{errors}");
        }
    }

    #[test]
    fn addresses_and_filters_that_cannot_be_ones_are_named_with_the_rest_and_without_secrets() {
        let vars = vars(&[
            ("TALLY_DATABASE_URL", "mysql://tally:hunter2@db/tally"),
            ("TALLY_ROLLUP_DATABASE_URL", "postgres://tally:hunter2@db:port/tally"),
            ("TALLY_REDIS_URL", "http://tally:hunter2@cache"),
            ("TALLY_LOG", "ingest=loud"),
            ("TALLY_INGEST_LISTEN", "abc"),
        ]);
        let errors = Settings::read(&vars, "tally").err().unwrap().to_string();
        let names: Vec<&str> = errors.lines().map(|line| line.split_once(':').unwrap().0).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        let expected = [
            "TALLY_DATABASE_URL",
            "TALLY_INGEST_LISTEN",
            "TALLY_LOG",
            "TALLY_REDIS_URL",
            "TALLY_ROLLUP_DATABASE_URL",
        ];
        assert_eq!(sorted, expected, "each once: {errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }

    #[test]
    fn in_one_process_services_meet_where_they_listen() {
        let vars = vars(&[("TALLY_INGEST_LISTEN", "0.0.0.0:9001")]);
        let (mut settings, _) = Settings::read(&vars, "tally").unwrap();
        settings.meet();
        assert_eq!(settings.rollup.service.ingest_url.to_string(), "http://127.0.0.1:9001/");
    }
}
