//! What every service needs to know: where to listen, where its data is, where the others are.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::Uri;
use secrecy::SecretString;

use super::Reader;

/// The common part of a service's configuration.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// `TALLY_<PREFIX>_LISTEN`.
    pub listen: SocketAddr,
    /// Directory of embedded databases; created by whoever opens one.
    pub data_dir: PathBuf,
    /// `sqlite://…` or `postgres://…`. May hold a password: print it with [`super::redacted`].
    pub database_url: String,
    /// The shared cache; in-process when absent. May hold a password.
    pub redis_url: Option<SecretString>,
    /// Where to find ingest: the ledger and the keys.
    pub ingest_url: Uri,
    /// Where to find baseline-catalog.
    pub catalog_url: Uri,
    /// Where to find rollup.
    pub rollup_url: Uri,
    /// Where to find audit-sampling.
    pub audit_url: Uri,
    /// Where to find webhook-dispatch.
    pub webhook_url: Uri,
}

impl ServiceConfig {
    /// Reads the section `r` stands in. Unless told otherwise: loopback, `default_port`, and a SQLite
    /// file of the context's own under the data directory.
    pub fn read(r: &mut Reader<'_>, default_port: u16) -> Self {
        let listen = r.own(
            "LISTEN",
            &format!("127.0.0.1:{default_port}"),
            "Address and port this service listens on.",
        );
        let data_dir: PathBuf =
            r.global("DATA_DIR", "./tally-data", "Directory of the embedded databases.");
        let file = format!("{}.db", r.prefix().to_lowercase());
        let default_url = format!("sqlite://{}", data_dir.join(file).display());
        let database_url = r.shared(
            "DATABASE_URL",
            &default_url,
            "Database: sqlite://<file> or postgres://<user>:<password>@<host>/<database>.",
        );
        let redis_url = r.secret("REDIS_URL", "Shared cache, redis://…; in-process when unset.");
        let mut peer = |name: &str, port: u16, help: &'static str| -> Uri {
            r.shared(name, &format!("http://127.0.0.1:{port}"), help)
        };
        Self {
            ingest_url: peer("INGEST_URL", 7701, "Where ingest is."),
            catalog_url: peer("CATALOG_URL", 7702, "Where baseline-catalog is."),
            rollup_url: peer("ROLLUP_URL", 7703, "Where rollup is."),
            audit_url: peer("AUDIT_URL", 7704, "Where audit-sampling is."),
            webhook_url: peer("WEBHOOK_URL", 7705, "Where webhook-dispatch is."),
            listen,
            data_dir,
            database_url,
            redis_url,
        }
    }
}

/// The prefix of a service's variables: `baseline-catalog` reads `TALLY_CATALOG_…`.
#[must_use]
pub fn prefix_of(service: &str) -> String {
    match service {
        "baseline-catalog" => "CATALOG".to_owned(),
        "audit-sampling" => "AUDIT".to_owned(),
        "webhook-dispatch" => "WEBHOOK".to_owned(),
        other => other.replace('-', "_").to_uppercase(),
    }
}
