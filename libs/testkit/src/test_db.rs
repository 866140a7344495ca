//! A fresh, migrated database for every test, on either engine.

use std::os::unix::fs::MetadataExt;

use db::{Db, Settings};
use kernel::hex;
use sea_orm_migration::MigratorTrait;
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tempfile::TempDir;

use crate::shared_postgres;

/// Enough for a test with a few concurrent callers; 200 is what the server has for all tests at
/// once.
const CONNECTIONS: u32 = 8;

/// A database that nobody else uses; gone when dropped.
pub struct TestDb {
    /// Open, and migrated.
    pub db: Db,
    settings: Settings,
    home: Home,
}

enum Home {
    Sqlite { _directory: TempDir },
    Postgres { server: Box<PgConnectOptions>, database: String },
}

impl TestDb {
    /// Where it is, for opening it once more, as another process would.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A second handle with connections of its own, as another replica has.
    pub async fn another(&self) -> Db {
        open(&self.settings).await
    }
}

/// A fresh SQLite file.
pub async fn sqlite<M: MigratorTrait + 'static>(context: &'static str) -> TestDb {
    let directory = TempDir::with_prefix("tally-sqlite-").expect("a temporary directory");
    let url = format!("sqlite://{}/", directory.path().display());
    let settings = Settings { url, context, connections: CONNECTIONS };
    let db = open(&settings).await;
    db.migrate::<M>().await.unwrap_or_else(|err| panic!("{err}"));
    TestDb { db, settings, home: Home::Sqlite { _directory: directory } }
}

/// A fresh PostgreSQL database, copied from a template that was migrated once.
pub async fn postgres<M: MigratorTrait + 'static>(context: &'static str) -> TestDb {
    let server = shared_postgres::options().await;
    let mut admin = connect(&server).await;
    let template = template::<M>(&server, &mut admin, context).await;
    let database = format!("test_{:016x}", rand::random::<u64>());
    run(&mut admin, format!("CREATE DATABASE {database} TEMPLATE {template}")).await;
    // A failed goodbye changes nothing.
    let _ = admin.close().await;
    let settings = settings(&server, &database, context);
    let db = open(&settings).await;
    TestDb { db, settings, home: Home::Postgres { server: Box::new(server), database } }
}

/// The name of a migrated database that nobody is connected to.
async fn template<M: MigratorTrait + 'static>(
    server: &PgConnectOptions,
    admin: &mut PgConnection,
    context: &'static str,
) -> String {
    let template = format!("template_{}", fingerprint::<M>(context));
    if exists(admin, &template).await {
        return template;
    }
    // One process makes it; the name appears only when it is complete.
    run(admin, "SELECT pg_advisory_lock(hashtext('tally testkit'))".into()).await;
    if !exists(admin, &template).await {
        let half = format!("half_{template}");
        run(admin, format!("DROP DATABASE IF EXISTS {half} WITH (FORCE)")).await;
        run(admin, format!("CREATE DATABASE {half}")).await;
        let db = open(&settings(server, &half, context)).await;
        db.migrate::<M>().await.unwrap_or_else(|err| panic!("{err}"));
        db.close().await;
        run(admin, format!("ALTER DATABASE {half} RENAME TO {template}")).await;
    }
    run(admin, "SELECT pg_advisory_unlock_all()".into()).await;
    template
}

/// The migrations' names, and the program they are compiled into: somebody who edits a migration
/// gets a new template.
fn fingerprint<M: MigratorTrait>(context: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(context);
    for migration in M::migrations() {
        hash.update([0]);
        hash.update(migration.name());
    }
    let program = std::env::current_exe().expect("a running program has a file");
    let made = program.metadata().expect("a running program has a file");
    hash.update([0]);
    hash.update(program.as_os_str().as_encoded_bytes());
    hash.update(made.mtime().to_le_bytes());
    hash.update(made.mtime_nsec().to_le_bytes());
    hex(&hash.finalize()[..10])
}

async fn exists(admin: &mut PgConnection, database: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
        .bind(database)
        .fetch_one(admin)
        .await
        .expect("the catalog can be read")
}

fn settings(server: &PgConnectOptions, database: &str, context: &'static str) -> Settings {
    let url = server.clone().database(database).to_url_lossy().to_string();
    Settings { url, context, connections: CONNECTIONS }
}

async fn open(settings: &Settings) -> Db {
    Db::open(settings).await.unwrap_or_else(|err| panic!("{err}"))
}

async fn connect(server: &PgConnectOptions) -> PgConnection {
    let connection = PgConnection::connect_with(&server.clone().disable_statement_logging()).await;
    connection.unwrap_or_else(|err| panic!("the tests' PostgreSQL answers: {err}"))
}

async fn run(admin: &mut PgConnection, sql: String) {
    admin.execute(AssertSqlSafe(sql.clone())).await.unwrap_or_else(|err| panic!("{sql}: {err}"));
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let Home::Postgres { server, database } = &self.home else { return };
        let (server, database) = (server.as_ref().clone(), database.clone());
        let sql = format!("DROP DATABASE {database} WITH (FORCE)");
        // A thread and a runtime of its own: the test's may be ending.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect_with(&server).await?;
                end_sessions(&mut admin, &database).await?;
                admin.execute(AssertSqlSafe(sql)).await?;
                admin.close().await
            })?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        });
        // A database that stays goes with its server.
        if let Ok(Err(err)) = dropped.join() {
            eprintln!("{} was not dropped: {err}", self.settings.url);
        }
    }
}

/// FORCE does the same, but then looks ten times a second whether they have gone.
async fn end_sessions(admin: &mut PgConnection, database: &str) -> Result<(), sqlx::Error> {
    for _ in 0..100 {
        let ended: Vec<bool> = sqlx::query_scalar(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
        )
        .bind(database)
        .fetch_all(&mut *admin)
        .await?;
        if ended.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    Ok(())
}
