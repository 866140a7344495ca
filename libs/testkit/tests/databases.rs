//! The databases and servers that other tests rely on behave as they say.
#![expect(clippy::unwrap_used, reason = "tests")]

use sea_orm_migration::prelude::*;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};
use testkit::{PostgresServer, RedisServer};

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateNote)]
    }
}

struct CreateNote;

impl MigrationName for CreateNote {
    fn name(&self) -> &str {
        "m0001_create_note"
    }
}

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait elides them, and async_trait compares")]
impl MigrationTrait for CreateNote {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let id = ColumnDef::new("id").big_integer().not_null().primary_key().to_owned();
        manager.create_table(Table::create().table("note").col(id).to_owned()).await
    }
}

mod suite {
    use db::{Db, Error};
    use sea_orm_migration::sea_orm::ConnectionTrait;

    async fn nobody_else_is_here(db: Db) {
        let written: Result<(), Error> = db
            .write(|txn| {
                Box::pin(async move {
                    txn.execute_unprepared("INSERT INTO note VALUES (1)").await?;
                    Ok(())
                })
            })
            .await;
        written.unwrap();
    }

    pub(crate) async fn a_first_test_writes_a_row(db: Db) {
        nobody_else_is_here(db).await;
    }

    pub(crate) async fn a_second_test_does_not_see_it(db: Db) {
        nobody_else_is_here(db).await;
    }
}

testkit::store_suite! {
    suite: crate::suite,
    migrator: crate::Migrator,
    backends: [sqlite, postgres],
    cases: [a_first_test_writes_a_row, a_second_test_does_not_see_it],
}

#[tokio::test]
async fn a_database_goes_with_its_test() {
    let fresh = testkit::postgres::<Migrator>("testkit").await;
    let options: PgConnectOptions = fresh.settings().url.parse().unwrap();
    let another = fresh.another().await;
    another.verify::<Migrator>().await.unwrap();
    drop(fresh);
    let gone = PgConnection::connect_with(&options).await.unwrap_err();
    assert_eq!(gone.as_database_error().unwrap().code().as_deref(), Some("3D000"));
}

#[tokio::test]
async fn a_postgres_that_is_killed_comes_back_with_its_data() {
    let mut server = PostgresServer::start().await;
    let mut connection = PgConnection::connect(&server.url()).await.unwrap();
    connection.execute("CREATE TABLE kept AS SELECT 1 AS id").await.unwrap();
    server.kill();
    assert!(PgConnection::connect(&server.url()).await.is_err());
    server.restart().await;
    let mut connection = PgConnection::connect(&server.url()).await.unwrap();
    let kept: i32 =
        sqlx::query_scalar("SELECT id FROM kept").fetch_one(&mut connection).await.unwrap();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn a_postgres_that_is_stopped_answers_nothing_until_it_goes_on() {
    let server = PostgresServer::start().await;
    let mut connection = PgConnection::connect(&server.url()).await.unwrap();
    server.stop();
    let silent = std::time::Duration::from_millis(100);
    let answer = tokio::time::timeout(silent, connection.execute("SELECT 1")).await;
    assert!(answer.is_err(), "a session goes on while its server is stopped");
    server.cont();
    connection.ping().await.unwrap();
}

#[tokio::test]
async fn a_redis_that_is_killed_comes_back_on_its_port() {
    let mut server = RedisServer::start().await;
    let address = server.url().replace("redis://", "").replace('/', "");
    server.kill();
    assert!(std::net::TcpStream::connect(&address).is_err());
    server.restart().await;
    assert!(std::net::TcpStream::connect(&address).is_ok());
}

#[test]
#[should_panic(expected = "apt-get install -y no-such-package")]
fn a_missing_program_is_named_with_its_package() {
    testkit::installed::program("no-such-program", "no-such-package");
}
