//! What a database that refuses every commit does to the log.

use chassis::SystemClock;
use tracing::subscriber::set_default;
use tracing::{Level, Metadata, span};

use super::tests::entries;
use super::*;

/// Keeps the levels of what is said of commits.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Level>>>);

impl Log {
    fn said(&self) -> Vec<Level> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "ingest::committer"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        self.0.lock().unwrap().push(*event.metadata().level());
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn commits_that_fail_are_said_once_an_outage() {
    let database = testkit::sqlite::<crate::Migrator>(crate::NAME).await;
    let (announcer, _announcing) = Announcer::new(hot::open(None).unwrap());
    let worker = Worker {
        ledger: LedgerWriter::new(database.db.clone()),
        heads: Heads::new(),
        recent: Recent::new(),
        tallies: Tallies::new(),
        announcer,
        clock: Arc::new(SystemClock),
        failing: Arc::default(),
    };
    let log = Log::default();
    let _guard = set_default(log.clone());
    let committer = Committer::start(worker, Lanes::Shared(1), 10, &TaskTracker::new());
    // As on a disk that is full.
    let set = async |sql: &'static str| {
        use sea_orm::{ConnectionTrait as _, Statement};
        let done = database.db.write::<_, (), db::Error>(move |txn| {
            Box::pin(async move {
                txn.execute_raw(Statement::from_string(txn.get_database_backend(), sql)).await?;
                Ok(())
            })
        });
        done.await.unwrap();
    };
    for _ in 0..2 {
        set("ALTER TABLE event RENAME TO elsewhere").await;
        for _ in 0..5 {
            let refused = committer.append(entries(1), WhenFull::Refuse).await;
            assert!(matches!(refused, Err(Refused::Storage(_))));
        }
        assert_eq!(log.said(), [Level::ERROR]);
        set("ALTER TABLE elsewhere RENAME TO event").await;
        for _ in 0..2 {
            committer.append(entries(1), WhenFull::Refuse).await.unwrap();
        }
        assert_eq!(log.said(), [Level::INFO]);
    }
}
