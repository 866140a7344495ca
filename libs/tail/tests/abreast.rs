//! Partitions that are applied side by side.
#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "nobody hangs up here")]
mod ledger;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chassis::SystemClock;
use db::Db;
use kernel::Partition;
use ledger::{Ledger, until};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use tail::{Batch, Checkpoint, Consumer, Error, Progress, Settings};
use testkit::TestDb;
use tokio::sync::watch;

/// A batch without company goes on alone after this: the others were not there yet.
const COMPANY: Duration = Duration::from_millis(100);

/// Lets batches meet before it applies them.
struct Meeting {
    db: Db,
    abreast: usize,
    /// Batches being applied.
    inside: watch::Sender<usize>,
    /// The most of them at once.
    most: AtomicUsize,
    /// Fails once in company; the others then finish behind it.
    fails: Option<Partition>,
    failed: watch::Sender<bool>,
    /// First and last seq of every attempt, whatever became of it.
    attempts: Mutex<BTreeMap<Partition, Vec<(i64, i64)>>>,
}

impl Meeting {
    async fn meet(&self, batch: &Batch) -> Result<(), Error> {
        let mut inside = self.inside.subscribe();
        let company = inside.wait_for(|inside| *inside >= self.abreast);
        let met = tokio::time::timeout(COMPANY, company).await.is_ok();
        if !met || self.fails.is_none() {
            return Ok(());
        }
        if self.fails == Some(batch.partition) && !self.failed.send_replace(true) {
            return Err(Error::Consumer("it fails in company".into()));
        }
        let mut failed = self.failed.subscribe();
        // A missed meeting is tried again with the next batches.
        let _ = tokio::time::timeout(COMPANY, failed.wait_for(|failed| *failed)).await;
        Ok(())
    }
}

#[async_trait]
impl Consumer for Meeting {
    fn name(&self) -> &'static str {
        "meeting"
    }

    async fn apply(&self, batch: Batch, checkpoint: Checkpoint) -> Result<(), Error> {
        let span = (batch.entries[0].position.seq, batch.last());
        self.attempts.lock().unwrap().entry(batch.partition).or_default().push(span);
        self.inside.send_modify(|inside| {
            *inside += 1;
            self.most.fetch_max(*inside, Ordering::SeqCst);
        });
        let met = self.meet(&batch).await;
        let applied = match met {
            Ok(()) => {
                let advance = self
                    .db
                    .write(move |txn| Box::pin(async move { checkpoint.advance(txn).await }));
                advance.await
            }
            Err(error) => Err(error),
        };
        self.inside.send_modify(|inside| *inside -= 1);
        applied
    }

    fn appetite(&self) -> usize {
        1_000
    }

    fn abreast(&self) -> usize {
        self.abreast
    }
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(tail::CreateTailPartition), Box::new(tail::CreateTailMember)]
    }
}

struct Running {
    ledger: Ledger,
    ctx: chassis::Context,
    consumer: Arc<Meeting>,
    progress: Progress,
}

async fn running(db: &TestDb, abreast: usize, fails: Option<Partition>) -> Running {
    let ledger = Ledger::start().await;
    let token = ledger.ctx.service_token.clone();
    let ids = Arc::new(testkit::SeededIds::new(1));
    let ctx =
        chassis::Context::new(Arc::new(SystemClock), ids, token, chassis::Transport::default());
    let backoff = (Duration::from_millis(5), Duration::from_millis(50));
    let consumer = Arc::new(Meeting {
        db: db.db.clone(),
        abreast,
        inside: watch::Sender::default(),
        most: AtomicUsize::default(),
        fails,
        failed: watch::Sender::default(),
        attempts: Mutex::default(),
    });
    let settings = Settings { backoff, ..Settings::default() };
    let shared = Arc::clone(&consumer) as _;
    let progress = tail::run(shared, db.db.clone(), ledger.client(&ctx), settings, &ctx);
    Running { ledger, ctx, consumer, progress }
}

impl Running {
    /// Gives each of `partitions` entries until `done`; answers how many.
    async fn feed(&self, partitions: &[Partition], done: impl Fn() -> bool) -> i64 {
        let mut fed = 0;
        until("the partitions have met", || {
            for partition in partitions {
                self.ledger.grow(*partition, 1);
            }
            fed += 1;
            std::future::ready(done())
        })
        .await;
        until("all is applied", || async {
            partitions.iter().all(|partition| self.progress.applied(*partition) == fed)
        })
        .await;
        fed
    }

    async fn stop(self) {
        self.ctx.stop.cancel();
        self.ctx.tasks.close();
        self.ctx.tasks.wait().await;
    }
}

fn partitions<const N: usize>(numbers: [i16; N]) -> [Partition; N] {
    numbers.map(|number| Partition::new(number).unwrap())
}

/// Whether each goes on where the one before ended.
fn are_in_order(attempts: &[(i64, i64)]) -> bool {
    attempts.first().is_some_and(|(from, _)| *from == 1)
        && attempts.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0)
}

async fn partitions_are_applied_at_the_same_time_and_each_in_its_order(db: TestDb) {
    let running = running(&db, 2, None).await;
    let most = || running.consumer.most.load(Ordering::SeqCst);
    let all = partitions([3, 5, 9, 33, 60]);
    let fed = running.feed(&all, || most() > 1).await;
    assert_eq!(most(), 2, "no more at once than asked for");
    let attempts = running.consumer.attempts.lock().unwrap().clone();
    for partition in &all {
        assert!(are_in_order(&attempts[partition]), "{partition}: {:?}", attempts[partition]);
        assert_eq!(attempts[partition].last().unwrap().1, fed);
    }
    running.stop().await;
}

async fn an_error_in_one_does_not_lose_the_progress_of_another(db: TestDb) {
    let [bad, good] = partitions([3, 5]);
    let running = running(&db, 2, Some(bad)).await;
    let has_failed = || *running.consumer.failed.borrow();
    running.feed(&[bad, good], has_failed).await;
    let attempts = running.consumer.attempts.lock().unwrap().clone();
    assert!(are_in_order(&attempts[&good]), "nothing came twice: {:?}", attempts[&good]);
    assert!(!are_in_order(&attempts[&bad]), "one batch came twice: {:?}", attempts[&bad]);
    running.stop().await;
}

async fn one_after_the_other_where_nothing_else_is_said(db: TestDb) {
    let running = running(&db, 1, None).await;
    let all = partitions([3, 5, 9]);
    let attempts = || running.consumer.attempts.lock().unwrap().len();
    running.feed(&all, || attempts() == 3).await;
    assert_eq!(running.consumer.most.load(Ordering::SeqCst), 1);
    running.stop().await;
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
    partitions_are_applied_at_the_same_time_and_each_in_its_order,
    an_error_in_one_does_not_lose_the_progress_of_another,
    one_after_the_other_where_nothing_else_is_said,
];
