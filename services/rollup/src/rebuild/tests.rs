//! Two replicas and one rebuild, whose sealing takes longer than a lease.
#![expect(clippy::unwrap_used, reason = "tests")]

use async_trait::async_trait;
use db::Db;
use sea_orm::ConnectionTrait as _;
use sea_orm::sea_query::Query;
use testkit::{FakeClock, TestDb};
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;

use super::*;
use crate::domain::Fact;
use crate::domain::samples::workspace;
use crate::store::{Seals, SqlStore};

const ONE: i64 = 1;
const OTHER: i64 = 2;

async fn begun(store: &SqlStore, at: Timestamp) {
    let (request_id, reason) = ("a".to_owned(), "to be sure".to_owned());
    let new = NewRebuild { id: 7, workspace: workspace(), request_id, reason, at };
    store.begin(new).await.unwrap();
}

/// The database's clock stands still for nobody: a lease runs out by hand.
async fn run_out(db: &Db) {
    let update = Query::update().table("rebuild").value("expires_time", 0i64).to_owned();
    let done = db.write::<_, (), db::Error>(move |txn| {
        Box::pin(async move {
            txn.execute(&update).await?;
            Ok(())
        })
    });
    done.await.unwrap();
}

async fn is_renewed(db: &Db) {
    let find = Query::select().column("expires_time").from("rebuild").to_owned();
    let renewed = async {
        loop {
            let row = db.reader().query_one(&find).await.unwrap().unwrap();
            if row.try_get::<i64>("", "expires_time").unwrap() > 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), renewed).await.unwrap();
}

/// Seals for longer than a lease while another replica looks for work.
struct Slow {
    sql: SqlStore,
    db: Db,
    clock: Arc<FakeClock>,
}

#[async_trait]
impl Rebuilds for Slow {
    async fn begin(&self, new: NewRebuild) -> Result<Rebuild, db::Error> {
        self.sql.begin(new).await
    }

    async fn find(&self, workspace: WorkspaceId, id: i64) -> Result<Option<Rebuild>, db::Error> {
        self.sql.find(workspace, id).await
    }

    async fn claim(&self, holder: i64, lease: Duration) -> Result<Option<Claim>, db::Error> {
        self.sql.claim(holder, lease).await
    }

    async fn replay(
        &self,
        claim: &Claim,
        span: (i64, i64),
        facts: Vec<Fact>,
        lease: Duration,
    ) -> Result<(), tail::Error> {
        self.sql.replay(claim, span, facts, lease).await
    }

    async fn renew(&self, claim: &Claim, lease: Duration) -> Result<(), tail::Error> {
        self.sql.renew(claim, lease).await
    }

    async fn seal(&self, claim: &Claim) -> Result<Seals, tail::Error> {
        for _ in 0..4 {
            run_out(&self.db).await;
            self.clock.sleepers(1).await;
            self.clock.advance(LEASE / 3);
            is_renewed(&self.db).await;
            assert!(self.claim(OTHER, LEASE).await?.is_none(), "it is worked on");
        }
        self.sql.seal(claim).await
    }

    async fn end(
        &self,
        claim: &Claim,
        seals: Option<Seals>,
        at: Timestamp,
    ) -> Result<(), tail::Error> {
        self.sql.end(claim, seals, at).await
    }
}

async fn a_sealing_longer_than_a_lease_keeps_its_rebuild(db: TestDb) {
    let (sql, clock) = (SqlStore::new(db.db.clone()), Arc::new(FakeClock::default()));
    begun(&sql, clock.now()).await;
    let ctx = testkit::context(Arc::clone(&clock) as Arc<dyn Clock>);
    // Nothing is to be replayed.
    let nowhere = chassis::connect(&"http://127.0.0.1:1".parse().unwrap(), crate::NAME, &ctx);
    let builder = Builder {
        store: Arc::new(Slow { sql: sql.clone(), db: db.db.clone(), clock: Arc::clone(&clock) }),
        ledger: Replayer::new(LedgerServiceClient::new(nowhere), "test"),
        wake: Arc::default(),
        clock,
        stop: CancellationToken::new(),
        holder: ONE,
    };
    tokio::time::timeout(Duration::from_secs(20), builder.step()).await.unwrap().unwrap();
    let ended = sql.find(workspace(), 7).await.unwrap().unwrap();
    assert_eq!(ended.state, RebuildState::Succeeded);
}

async fn a_sealing_ends_when_another_replica_has_taken_over(db: TestDb) {
    let (store, clock) = (SqlStore::new(db.db.clone()), FakeClock::default());
    begun(&store, clock.now()).await;
    let claim = store.claim(ONE, LEASE).await.unwrap().unwrap();
    run_out(&db.db).await;
    store.claim(OTHER, LEASE).await.unwrap().unwrap();
    let endless = async {
        clock.sleepers(1).await;
        clock.advance(LEASE / 3);
        std::future::pending::<Result<(), tail::Error>>().await
    };
    let lost = held(&store, &clock, &claim, endless).await;
    assert!(matches!(lost, Err(tail::Error::Fenced(_))), "{lost:?}");
}

macro_rules! on_both_databases {
    ($($name:ident),*) => {$(
        mod $name {
            #[tokio::test]
            async fn sqlite() {
                super::$name(testkit::sqlite::<crate::Migrator>(crate::NAME).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$name(testkit::postgres::<crate::Migrator>(crate::NAME).await).await;
            }
        }
    )*};
}

on_both_databases!(
    a_sealing_longer_than_a_lease_keeps_its_rebuild,
    a_sealing_ends_when_another_replica_has_taken_over
);
