//! A binary and its tables fit, or it does not run.
#![expect(clippy::unwrap_used, reason = "tests")]

mod schema;

use db::{Db, SchemaError};
use schema::Migrator;
use sea_orm_migration::prelude::*;
use testkit::TestDb;

/// The binary of an older release: one migration fewer.
struct Older;

impl MigratorTrait for Older {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(schema::CreateEvent)]
    }
}

/// A binary with a migration that fails after it has begun.
struct Broken;

impl MigratorTrait for Broken {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(schema::CreateEvent), Box::new(CreateTwice)]
    }
}

struct CreateTwice;

impl MigrationName for CreateTwice {
    fn name(&self) -> &str {
        "m0002_create_twice"
    }
}

#[async_trait::async_trait]
#[expect(elided_lifetimes_in_paths, reason = "the trait elides them, and async_trait compares")]
impl MigrationTrait for CreateTwice {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = |name: &'static str| {
            Table::create().table(name).col(ColumnDef::new("partition").integer()).to_owned()
        };
        manager.create_table(table("half")).await?;
        manager.create_table(table("event")).await
    }
}

mod suite {
    use super::*;

    pub(crate) async fn what_is_pending_is_named_with_the_command(db: Db) {
        db.verify::<Older>().await.unwrap();
        let refused = db.verify::<Migrator>().await.unwrap_err();
        let said = refused.to_string();
        assert!(matches!(refused, SchemaError::Pending { .. }));
        assert!(said.contains("m0002_create_head") && said.contains("`tally migrate`"), "{said}");
        db.migrate::<Migrator>().await.unwrap();
        db.verify::<Migrator>().await.unwrap();
    }

    pub(crate) async fn a_newer_database_is_refused_and_left_alone(db: Db) {
        db.migrate::<Migrator>().await.unwrap();
        for refused in [db.verify::<Older>().await, db.migrate::<Older>().await] {
            let refused = refused.unwrap_err();
            assert!(matches!(refused, SchemaError::Unknown { .. }));
            assert!(refused.to_string().contains("m0002_create_head"), "{refused}");
        }
        db.verify::<Migrator>().await.unwrap();
    }

    pub(crate) async fn a_migration_that_fails_leaves_nothing_behind(db: Db) {
        let failed = db.migrate::<Broken>().await.unwrap_err();
        assert!(matches!(failed, SchemaError::Failed { .. }), "{failed}");
        assert!(!SchemaManager::new(db.reader()).has_table("half").await.unwrap());
        assert!(matches!(db.verify::<Broken>().await, Err(SchemaError::Pending { .. })));
        db.migrate::<Migrator>().await.unwrap();
    }

    pub(crate) async fn migrating_twice_changes_nothing(db: Db) {
        db.migrate::<Migrator>().await.unwrap();
        db.migrate::<Migrator>().await.unwrap();
        db.verify::<Migrator>().await.unwrap();
    }
}

testkit::store_suite! {
    suite: crate::suite,
    migrator: crate::Older,
    backends: [sqlite, postgres],
    cases: [
        what_is_pending_is_named_with_the_command,
        a_newer_database_is_refused_and_left_alone,
        a_migration_that_fails_leaves_nothing_behind,
        migrating_twice_changes_nothing,
    ],
}

async fn six_processes_migrate_at_once(fresh: TestDb) {
    let mut migrating = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let db = fresh.another().await;
        migrating.spawn(async move { db.migrate::<Migrator>().await });
    }
    for migrated in migrating.join_all().await {
        migrated.unwrap();
    }
    fresh.db.verify::<Migrator>().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_migrate_at_once_take_turns_on_postgres() {
    six_processes_migrate_at_once(testkit::postgres::<Older>("suite").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_migrate_at_once_take_turns_on_sqlite() {
    six_processes_migrate_at_once(testkit::sqlite::<Older>("suite").await).await;
}

#[tokio::test]
async fn verifying_an_empty_database_creates_nothing() {
    let directory = tempfile::TempDir::new().unwrap();
    let url = format!("sqlite://{}/", directory.path().display());
    let db = Db::open(&db::Settings { url, context: "empty", connections: 2 }).await.unwrap();
    assert!(matches!(db.verify::<Migrator>().await, Err(SchemaError::Pending { .. })));
    assert!(!SchemaManager::new(db.reader()).has_table("seaql_migrations").await.unwrap());
}
