//! What the services of a test are told, in the variables an operator would set.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Addresses;

/// The service credential of every suite under test.
pub const SERVICE_TOKEN: &str = "canary-service-token-of-the-tests";

/// Where a suite keeps what it must not forget, and what it may.
#[derive(Debug, Clone, Default)]
pub struct Storage {
    /// `None`: SQLite, one file a service in the suite's own directory.
    pub database_url: Option<String>,
    /// `None`: a cache in the process.
    pub redis_url: Option<String>,
}

pub(crate) type Vars = BTreeMap<String, String>;

pub(crate) fn vars(addresses: &Addresses, data_dir: &Path, storage: &Storage) -> Vars {
    let mut vars = Vars::new();
    let mut set = |name: &str, value: &str| vars.insert(format!("TALLY_{name}"), value.to_owned());
    for (prefix, port) in addresses.ports() {
        set(&format!("{prefix}_LISTEN"), &format!("127.0.0.1:{port}"));
        set(&format!("{prefix}_URL"), &format!("http://127.0.0.1:{port}"));
    }
    set("DATA_DIR", &data_dir.display().to_string());
    set("WEBHOOK_ALLOW_NETS", "127.0.0.1/32");
    set("LOG", "warn");
    if let Some(url) = &storage.database_url {
        set("DATABASE_URL", url);
    }
    if let Some(url) = &storage.redis_url {
        set("REDIS_URL", url);
    }
    vars
}
