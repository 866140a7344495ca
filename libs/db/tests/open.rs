//! What is refused at the door, and how it is said.
#![expect(clippy::unwrap_used, reason = "tests")]

mod schema;

use db::{Db, OpenError, Settings};
use testkit::PostgresServer;

fn settings(url: impl Into<String>) -> Settings {
    Settings { url: url.into(), context: "open", connections: 4 }
}

/// The message, which never holds the password.
async fn refusal(url: String) -> (OpenError, String) {
    let refused = Db::open(&settings(url)).await.unwrap_err();
    let said = refused.to_string();
    assert!(!said.contains("hunter2") && !format!("{refused:?}").contains("hunter2"), "{said}");
    (refused, said)
}

#[tokio::test]
async fn a_server_that_may_forget_is_refused_by_the_setting() {
    let unsafe_server = PostgresServer::start_with(&[("fsync", "off")]).await;
    let (refused, said) = refusal(unsafe_server.url()).await;
    assert!(matches!(refused, OpenError::Unsafe { .. }));
    assert!(said.contains("fsync is off") && said.contains("Set fsync = on"), "{said}");
}

#[tokio::test]
async fn a_session_that_may_forget_is_refused_by_the_setting() {
    let fresh = testkit::postgres::<schema::Migrator>("open").await;
    let url = &fresh.settings().url;
    let sign = if url.contains('?') { '&' } else { '?' };
    let (refused, said) =
        refusal(format!("{url}{sign}options=-c%20synchronous_commit%3Doff")).await;
    assert!(matches!(refused, OpenError::Unsafe { .. }));
    assert!(said.contains("synchronous_commit is off"), "{said}");
}

#[tokio::test]
async fn what_cannot_be_reached_is_named_without_its_password() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (_, said) = refusal(format!("postgres://tally:hunter2@127.0.0.1:{port}/ledger")).await;
    assert!(said.contains(&format!("postgres://tally@127.0.0.1:{port}/ledger")), "{said}");
    assert!(said.contains("Is PostgreSQL running there"), "{said}");

    let fresh = testkit::postgres::<schema::Migrator>("open").await;
    let elsewhere = fresh.settings().url.replace("test_", "no_such_");
    let (_, said) = refusal(elsewhere).await;
    assert!(said.contains("Create the database first"), "{said}");
}

#[tokio::test]
async fn the_directory_of_a_file_is_made_and_one_that_cannot_be_is_named() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("a/b/ledger.db");
    let db = Db::open(&settings(format!("sqlite://{}", path.display()))).await.unwrap();
    assert!(path.is_file());
    db.close().await;

    // Below a file nobody can make a directory.
    let (refused, said) = refusal(format!("sqlite://{}/c/ledger.db", path.display())).await;
    assert!(matches!(refused, OpenError::Directory { .. }));
    assert!(said.contains("ledger.db/c"), "{said}");

    std::fs::write(directory.path().join("letter.db"), "Dear Sir, this is no database.".repeat(99))
        .unwrap();
    let (_, said) = refusal(format!("sqlite://{}/letter.db", directory.path().display())).await;
    assert!(said.contains("Is it a SQLite file"), "{said}");
}

#[tokio::test]
async fn many_processes_may_open_a_new_database_at_once() {
    let fresh = testkit::postgres::<schema::Migrator>("open").await;
    let directory = tempfile::TempDir::new().unwrap();
    for url in [fresh.settings().url.clone(), format!("sqlite://{}/", directory.path().display())] {
        let mut opening = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let settings = Settings { url: url.clone(), context: "brand-new", connections: 2 };
            opening.spawn(async move { Db::open(&settings).await.map(drop) });
        }
        for opened in opening.join_all().await {
            opened.unwrap();
        }
    }
    assert!(directory.path().join("brand-new.db").is_file());
}
