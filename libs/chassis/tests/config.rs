//! What an operator sees of the configuration: every error at once, and no secret.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use chassis::config::{Book, ByteSize, ConfigErrors, Reader};
use chassis::{ServiceConfig, Settings};
use secrecy::ExposeSecret as _;

type Map = BTreeMap<&'static str, &'static str>;

fn read(vars: &Map) -> (ServiceConfig, Settings, Result<Book, ConfigErrors>) {
    let mut reader = Reader::new(vars, "INGEST");
    let settings = Settings::read(&mut reader);
    let config = ServiceConfig::read(&mut reader, 7701);
    (config, settings, reader.finish())
}

#[test]
fn every_error_is_reported_at_once_in_words_that_help() {
    let vars = Map::from([
        ("TALLY_INGEST_LISTEN", "abc"),
        ("TALLY_CATALOG_URL", "127.0.0.1:7702"),
        ("TALLY_DRAIN", "5 min"),
        ("TALLY_TLS_CERT", "cert.pem"),
        ("TALLY_INGEST_LISTEM", "127.0.0.1:7701"),
        ("TALLY_NONSENSE_ENTIRELY", "1"),
        ("PATH", "/usr/bin"),
    ]);
    let errors = read(&vars).2.unwrap_err().to_string();
    let expected = [
        r#"TALLY_TLS_KEY: is missing beside TALLY_TLS_CERT"#,
        r#"TALLY_DRAIN: "5 min" is not a duration like 250ms, 5s or 2m"#,
        r#"TALLY_INGEST_LISTEN: "abc" is not a socket address like 127.0.0.1:7701"#,
        r#"TALLY_CATALOG_URL: "127.0.0.1:7702" is not an address like http://127.0.0.1:7701"#,
        r#"TALLY_INGEST_LISTEM: is not a variable we know; did you mean TALLY_INGEST_LISTEN?"#,
        r#"TALLY_NONSENSE_ENTIRELY: is not a variable we know; `tally config` lists them"#,
    ];
    assert_eq!(errors.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_defaults_run_on_this_machine_without_anything_else() {
    let (config, settings, book) = read(&Map::new());
    book.unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:7701");
    assert_eq!(config.database_url, "sqlite://./tally-data/ingest.db");
    assert_eq!(config.webhook_url, "http://127.0.0.1:7705");
    assert!(config.redis_url.is_none() && settings.service_token.is_none());
}

#[test]
fn the_variable_of_the_service_stands_before_the_one_for_all() {
    let vars = Map::from([
        ("TALLY_DATABASE_URL", "postgres://db/all"),
        ("TALLY_INGEST_DATABASE_URL", "postgres://db/ingest"),
        ("TALLY_REDIS_URL", "redis://cache"),
        ("TALLY_DATA_DIR", ""),
    ]);
    let (config, _, book) = read(&vars);
    book.unwrap();
    assert_eq!(config.database_url, "postgres://db/ingest");
    assert_eq!(config.redis_url.unwrap().expose_secret(), "redis://cache");
    assert_eq!(config.data_dir.to_str(), Some("./tally-data"), "empty is unset");
}

#[test]
fn neither_the_table_nor_an_error_shows_a_secret() {
    let vars = Map::from([
        ("TALLY_DATABASE_URL", "postgres://tally:s3cr3t@db/tally"),
        ("TALLY_REDIS_URL", "redis://:s3cr3t@cache"),
        ("TALLY_SERVICE_TOKEN", "s3cr3t"),
        ("TALLY_INGEST_URL", "ftp://tally:s3cr3t@ingest"),
    ]);
    let mut reader = Reader::new(&vars, "INGEST");
    Settings::read(&mut reader);
    ServiceConfig::read(&mut reader, 7701);
    let errors = {
        let mut reader = Reader::new(&vars, "INGEST");
        ServiceConfig::read(&mut reader, 7701);
        reader.finish().unwrap_err().to_string()
    };
    let book = reader.into_book();
    let effective: Vec<String> = book
        .variables()
        .map(|variable| format!("{}={}", variable.name, variable.effective))
        .collect();
    let shown = format!("{} {} {errors}", effective.join("\n"), book.markdown(|_| true));
    assert!(!shown.contains("s3cr3t"), "{shown}");
    assert!(shown.contains("postgres://tally:***@db/tally"), "{shown}");
    assert!(shown.contains("TALLY_SERVICE_TOKEN=***"), "{shown}");
}

#[test]
fn the_readme_table_comes_from_the_lines_that_read_the_variables() {
    let vars = Map::new();
    let mut reader = Reader::new(&vars, "INGEST");
    let lanes: u32 = reader.own("LANES", "4", "Commits in flight.");
    let body: ByteSize = reader.shared("BODY_MAX", "32KiB", "Largest event.");
    let wait: Option<Duration> = reader.own_optional("WAIT", "How long to wait.");
    assert_eq!((lanes, body.bytes(), wait), (4, 32 * 1024, None));
    let table = reader.finish().unwrap().markdown(|name| name.starts_with("TALLY_INGEST_"));
    let expected = "\
        | Variable | Default | What it does |\n\
        |---|---|---|\n\
        | `TALLY_INGEST_BODY_MAX` | `32KiB` | Largest event. Falls back to `TALLY_BODY_MAX`. |\n\
        | `TALLY_INGEST_LANES` | `4` | Commits in flight. |\n\
        | `TALLY_INGEST_WAIT` |  | How long to wait. |\n";
    assert_eq!(table, expected);
}
