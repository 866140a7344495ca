//! Consuming a ledger that restarts, with a consumer that fails and replicas that die.
#![expect(clippy::unwrap_used, reason = "tests")]

mod ledger;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chassis::SystemClock;
use db::Db;
use kernel::Partition;
use ledger::{Ledger, until};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use sea_orm_migration::prelude::*;
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use tail::{Batch, Checkpoint, Consumer, Error, Progress, Settings};
use testkit::TestDb;
use tokio::sync::oneshot;

const PATIENCE: Duration = Duration::from_secs(5);

/// Counts how often each entry took effect.
struct Counting {
    db: Db,
    /// Fails this many batches after their effects were written and before they commit.
    failures: AtomicU32,
    /// Entries it applies at once.
    portion: usize,
    /// The most it was handed at once.
    largest: AtomicUsize,
}

#[async_trait]
impl Consumer for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    async fn apply(&self, batch: Batch, checkpoint: Checkpoint) -> Result<(), Error> {
        let fail =
            self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        self.largest.fetch_max(batch.entries.len(), Ordering::SeqCst);
        let rows: Vec<(i16, i64)> =
            batch.entries.iter().map(|e| (e.position.partition.get(), e.position.seq)).collect();
        self.db
            .write(move |txn| {
                Box::pin(async move {
                    for (partition, seq) in rows {
                        // The primary key refuses an effect that is already there.
                        let sql = format!("INSERT INTO effect VALUES ({partition}, {seq})");
                        txn.execute_raw(Statement::from_string(txn.get_database_backend(), sql))
                            .await?;
                    }
                    checkpoint.advance(txn).await?;
                    if fail.is_ok() {
                        Err(Error::Consumer("a crash before COMMIT".into()))
                    } else {
                        Ok(())
                    }
                })
            })
            .await
    }

    fn appetite(&self) -> usize {
        64
    }

    async fn portion(&self, _: &Batch) -> Result<usize, Error> {
        Ok(self.portion)
    }
}

#[derive(FromQueryResult)]
struct Count {
    n: i64,
}

async fn effects(db: &Db) -> i64 {
    rows(db, "effect").await
}

async fn rows(db: &Db, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    let statement = Statement::from_string(db.backend(), sql);
    Count::find_by_statement(statement).one(db.reader()).await.unwrap().unwrap().n
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let ours: [Box<dyn MigrationTrait>; 3] = [
            Box::new(tail::CreateTailPartition),
            Box::new(tail::CreateTailMember),
            Box::new(CreateEffect),
        ];
        ours.into()
    }
}

struct CreateEffect;

impl MigrationName for CreateEffect {
    fn name(&self) -> &str {
        "m0001_create_effect"
    }
}

#[async_trait]
impl MigrationTrait for CreateEffect {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("effect")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .primary_key(Index::create().col("partition").col("seq"))
            .to_owned();
        manager.create_table(table).await
    }
}

/// One replica of the consumer; it dies without a word when aborted.
struct Replica {
    ctx: chassis::Context,
    progress: Progress,
    consumer: Arc<Counting>,
}

fn replica(ledger: &Ledger, db: Db, seed: u64) -> Replica {
    replica_by(ledger, db, seed, usize::MAX)
}

/// One that applies at most `portion` entries at once.
fn replica_by(ledger: &Ledger, db: Db, seed: u64, portion: usize) -> Replica {
    let token = ledger.ctx.service_token.clone();
    let ids = Arc::new(testkit::SeededIds::new(seed));
    let ctx =
        chassis::Context::new(Arc::new(SystemClock), ids, token, chassis::Transport::default());
    let settings = Settings {
        lease: Duration::from_millis(900),
        backoff: (Duration::from_millis(5), Duration::from_millis(50)),
    };
    let consumer = Arc::new(Counting {
        db: db.clone(),
        failures: AtomicU32::new(0),
        portion,
        largest: AtomicUsize::new(0),
    });
    let progress = tail::run(Arc::clone(&consumer) as _, db, ledger.client(&ctx), settings, &ctx);
    Replica { ctx, progress, consumer }
}

async fn each_entry_takes_effect_once(db: TestDb) {
    let ledger = Ledger::start().await;
    ledger.grow(Partition::new(3).unwrap(), 40);
    let one = replica(&ledger, db.db.clone(), 1);
    until("the backlog is applied", || async { effects(&db.db).await == 40 }).await;
    one.consumer.failures.store(3, Ordering::SeqCst);
    ledger.grow(Partition::new(3).unwrap(), 10);
    ledger.grow(Partition::new(60).unwrap(), 10);
    until("failed batches come again", || async { effects(&db.db).await == 60 }).await;
    ledger.hang_up();
    ledger.grow(Partition::new(3).unwrap(), 1);
    until("a broken stream is resumed", || async { effects(&db.db).await == 61 }).await;
    let position = kernel::Position { partition: Partition::new(3).unwrap(), seq: 51 };
    assert!(one.progress.reaches(position, PATIENCE).await);
    assert_eq!(one.progress.applied(position.partition), 51);
    let beyond = kernel::Position { seq: 52, ..position };
    assert!(!one.progress.reaches(beyond, Duration::from_millis(1)).await);
}

async fn a_batch_in_portions_takes_effect_once(db: TestDb) {
    let ledger = Ledger::start().await;
    let partition = Partition::new(3).unwrap();
    // Messages have four entries: three and one, again and again. Some fail behind a portion that did not.
    let one = replica_by(&ledger, db.db.clone(), 1, 3);
    ledger.grow(partition, 40);
    until("the backlog is applied", || async { effects(&db.db).await == 40 }).await;
    one.consumer.failures.store(3, Ordering::SeqCst);
    ledger.grow(partition, 39);
    until("failed portions come again", || async { effects(&db.db).await == 79 }).await;
    assert!(one.progress.reaches(kernel::Position { partition, seq: 79 }, PATIENCE).await);
    assert_eq!(one.consumer.largest.load(Ordering::SeqCst), 3);
    // None at all would never end: it is taken for one.
    let two = replica_by(&ledger, db.another().await, 2, 0);
    one.ctx.stop.cancel();
    ledger.grow(partition, 5);
    until("its successor goes on", || async { effects(&db.db).await == 84 }).await;
    assert_eq!(two.consumer.largest.load(Ordering::SeqCst), 1);
}

async fn replicas_share_and_take_over(db: TestDb) {
    let ledger = Ledger::start().await;
    let one = replica(&ledger, db.db.clone(), 1);
    let other_db = db.another().await;
    let two = replica(&ledger, other_db.clone(), 2);
    until("both hold a share", || async { ledger.streams() == vec![32, 32] }).await;
    for partition in Partition::all() {
        ledger.grow(partition, 3);
    }
    until("together they apply everything", || async { effects(&db.db).await == 192 }).await;
    // Gone without a word: its leases must run out.
    other_db.close().await;
    two.ctx.stop.cancel();
    for partition in Partition::all() {
        ledger.grow(partition, 1);
    }
    until("the survivor takes over", || async { effects(&db.db).await == 256 }).await;
    one.ctx.stop.cancel();
    one.ctx.tasks.close();
    one.ctx.tasks.wait().await;
}

/// On SQLite whoever is in a transaction keeps everybody back, and no replica stands still in one: all are
/// on one machine.
#[tokio::test]
async fn a_row_that_a_transaction_holds_keeps_no_other_back() {
    let db = testkit::postgres::<Migrator>("tail").await;
    let held = Hold::on(&db, "UPDATE tail_partition SET seq = seq WHERE partition = 5").await;
    let ledger = Ledger::start().await;
    let one = replica(&ledger, db.db.clone(), 1);
    until("all but one are taken", || async { ledger.streams() == vec![63] }).await;
    held.let_go().await;
    until("and then that one", || async { ledger.streams() == vec![64] }).await;
    one.ctx.stop.cancel();
    one.ctx.tasks.close();
    one.ctx.tasks.wait().await;
}

#[tokio::test]
async fn a_member_that_stands_still_in_a_transaction_counts_no_more_and_keeps_no_other_back() {
    let db = testkit::postgres::<Migrator>("tail").await;
    execute(&db.db, "INSERT INTO tail_member VALUES (0, 98, 1), (0, 99, 1)").await;
    let held = Hold::on(&db, "UPDATE tail_member SET expires_time = 2 WHERE holder = 99").await;
    let ledger = Ledger::start().await;
    let one = replica(&ledger, db.db.clone(), 1);
    until("all are taken", || async { ledger.streams() == vec![64] }).await;
    assert_eq!(rows(&db.db, "tail_member").await, 2, "the one that is held, and this one");
    // Only a session that nobody had to end can say so.
    held.let_go().await;
    until("it is forgotten", || async { rows(&db.db, "tail_member").await == 1 }).await;
    one.ctx.stop.cancel();
    one.ctx.tasks.close();
    one.ctx.tasks.wait().await;
}

/// A transaction that another replica stands still in.
struct Hold {
    let_go: oneshot::Sender<()>,
    holding: tokio::task::JoinHandle<()>,
}

impl Hold {
    async fn on(db: &TestDb, sql: &'static str) -> Self {
        let (held, holds) = oneshot::channel();
        let (let_go, released) = oneshot::channel::<()>();
        let other = db.another().await;
        let holding = tokio::spawn(async move {
            let hold = other.write::<_, (), Error>(move |txn| {
                Box::pin(async move {
                    txn.execute_raw(Statement::from_string(txn.get_database_backend(), sql))
                        .await?;
                    held.send(()).unwrap();
                    released.await.unwrap();
                    Ok(())
                })
            });
            hold.await.unwrap();
        });
        holds.await.unwrap();
        Self { let_go, holding }
    }

    async fn let_go(self) {
        self.let_go.send(()).unwrap();
        self.holding.await.unwrap();
    }
}

async fn execute(db: &Db, sql: &'static str) {
    let done = db.write::<_, (), Error>(move |txn| {
        Box::pin(async move {
            txn.execute_raw(Statement::from_string(txn.get_database_backend(), sql)).await?;
            Ok(())
        })
    });
    done.await.unwrap();
}

async fn a_lost_lease_writes_nothing(db: TestDb) {
    let ledger = Ledger::start().await;
    let _one = replica(&ledger, db.db.clone(), 1);
    until("the lease is held", || async { !ledger.streams().is_empty() }).await;
    // Somebody else took every partition while this replica was paused.
    let steal =
        "UPDATE tail_partition SET holder = 99, epoch = epoch + 1, expires_time = 9000000000000000";
    execute(&db.db, steal).await;
    let before = ledger.opened();
    ledger.grow(Partition::new(0).unwrap(), 5);
    until("the batch was refused, or the lost leases noticed", || async {
        ledger.opened() > before || ledger.streams().is_empty()
    })
    .await;
    assert_eq!(effects(&db.db).await, 0, "a fenced replica writes nothing");
}

macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { super::$case(testkit::sqlite::<super::Migrator>("tail").await).await })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { super::$case(testkit::postgres::<super::Migrator>("tail").await).await })+
        }
    };
}

on_both![
    each_entry_takes_effect_once,
    a_batch_in_portions_takes_effect_once,
    replicas_share_and_take_over,
    a_lost_lease_writes_nothing
];
