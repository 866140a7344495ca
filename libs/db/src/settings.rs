//! Where a context's data lives.

use std::fmt;
use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;

use crate::OpenError;

/// What [`crate::Db::open`] needs to know.
#[derive(Clone)]
pub struct Settings {
    /// `sqlite:///path/to/file.db`, `sqlite:///path/to/directory/` (the context names the file), or
    /// `postgres://user:password@host:5432/database`.
    pub url: String,
    /// The PostgreSQL schema, created when missing; lower-case letters, digits, `_` and `-`.
    pub context: &'static str,
    /// The most connections, readers and writers together; at least 2. SQLite has one writer
    /// always.
    pub connections: u32,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.target().map_or_else(|_| "(malformed)".into(), |t| t.address());
        f.debug_struct("Settings")
            .field("address", &address)
            .field("context", &self.context)
            .field("connections", &self.connections)
            .finish()
    }
}

/// A parsed address.
#[derive(Clone)]
pub(crate) enum Target {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Target {
    /// The address without its secrets, for messages.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Postgres(options) => format!(
                "postgres://{}@{}:{}/{}",
                options.get_username(),
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or(options.get_username()),
            ),
        }
    }
}

impl Settings {
    /// The schema on PostgreSQL: an identifier that never needs quoting by hand.
    pub(crate) fn schema(&self) -> String {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        let named = self.context.starts_with(|c: char| c.is_ascii_lowercase());
        assert!(
            named && self.context.len() <= 40 && self.context.chars().all(plain),
            "a context is named in lower case, such as `baseline-catalog`: {:?}",
            self.context
        );
        self.context.replace('-', "_")
    }

    /// Whether the address can be one, without opening anything.
    ///
    /// # Errors
    /// [`OpenError::Malformed`], which shows no password.
    pub fn check(&self) -> Result<(), OpenError> {
        self.target().map(drop)
    }

    pub(crate) fn target(&self) -> Result<Target, OpenError> {
        let malformed = |why: String| OpenError::Malformed { why };
        if let Some(rest) = self.url.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() {
                return Err(malformed("it names no file".into()));
            }
            if path.contains(":memory:") {
                return Err(malformed("every connection would see a memory of its own".into()));
            }
            if path.contains('?') {
                return Err(malformed("a SQLite address takes no parameters".into()));
            }
            let mut path = PathBuf::from(path);
            if rest.ends_with('/') {
                path.push(format!("{}.db", self.context));
            }
            return Ok(Target::Sqlite(path));
        }
        if self.url.starts_with("postgres://") || self.url.starts_with("postgresql://") {
            // The parser's errors name the part that is wrong and never repeat the address.
            let options: PgConnectOptions =
                self.url.parse().map_err(|err: sqlx::Error| malformed(err.to_string()))?;
            return Ok(Target::Postgres(Box::new(options)));
        }
        Err(malformed("it begins with neither `sqlite:` nor `postgres:`".into()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn settings(url: &str) -> Settings {
        Settings { url: url.into(), context: "baseline-catalog", connections: 4 }
    }

    #[test]
    fn a_directory_is_given_a_file_a_context() {
        let address = |url| settings(url).target().unwrap().address();
        assert_eq!(address("sqlite:///data/ingest.db"), "sqlite:///data/ingest.db");
        assert_eq!(address("sqlite://data/"), "sqlite://data/baseline-catalog.db");
    }

    #[test]
    fn no_address_or_message_shows_the_password() {
        for url in [
            "postgres://tally:hunter2@db.example:5433/ledger",
            "postgresql://db.example/ledger?user=tally&password=hunter2",
            "postgres://tally:hunter2@db.example:not-a-port/ledger",
            "postgres://tally:hunter2@db.example/ledger?sslmode=hunter",
            "mysql://tally:hunter2@db.example/ledger",
        ] {
            let said = match settings(url).target() {
                Ok(target) => target.address(),
                Err(err) => err.to_string(),
            };
            assert!(!said.contains("hunter2"), "{said}");
            assert!(!format!("{:?}", settings(url)).contains("hunter2"));
        }
    }

    #[test]
    fn an_address_that_cannot_work_is_refused_with_an_example() {
        for url in ["", "sqlite://", "sqlite::memory:", "sqlite://a.db?mode=ro", "/tmp/a.db"] {
            let said = settings(url).target().err().unwrap().to_string();
            assert!(said.contains("sqlite:///path/to/file.db"), "{said}");
        }
    }
}
