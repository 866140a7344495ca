//! A rollup at work on a fresh database, with a ledger that a test writes by hand.

mod catalog;
mod clock;
mod ledger;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chassis::auth::{Authenticator, Principal};
use chassis::config::Reader;
use chassis::{Channel, Context, Service, Transport};
use fault::{ErrorReason, Fault};
use kernel::{Clock, Position, WorkspaceId};
use testkit::TestDb;
use tokio::sync::watch;
use tonic::service::Routes;
use wire::catalog::v1::catalog_service_server::CatalogServiceServer;
use wire::common::v1::{Position as WirePosition, Scope, Window};
use wire::ingest::v1::ledger_service_server::LedgerServiceServer;
use wire::rollup::v1::report_service_client::ReportServiceClient;
use wire::rollup::v1::{GetOverviewRequest, Overview, ReportQuery};

pub(crate) use catalog::Catalog;
use clock::Ahead;
pub(crate) use ledger::{Ledger, START, event, retracted, revised, task, valued};

/// Keys by scope: the workspace is the same.
pub(crate) const REPORT_KEY: &str = "report";
pub(crate) const TRACK_KEY: &str = "track";
pub(crate) const ADMIN_KEY: &str = "admin";

pub(crate) struct Harness {
    pub(crate) ledger: Ledger,
    pub(crate) ctx: Context,
    pub(crate) url: http::Uri,
    /// What the rollup takes the time from.
    pub(crate) clock: Arc<Ahead>,
    /// The ledger's, which outlives the rollup.
    beside: Context,
    ingest: String,
    db: TestDb,
}

pub(crate) fn workspace() -> WorkspaceId {
    WorkspaceId::new(4_711).unwrap()
}

impl Harness {
    pub(crate) async fn start(db: TestDb) -> Self {
        Self::start_with(db, &[]).await
    }

    /// With a catalog that answers.
    pub(crate) async fn start_over(db: TestDb, catalog: &Catalog) -> Self {
        let beside = context(3);
        let routes = Routes::new(CatalogServiceServer::new(catalog.clone()));
        let catalog = format!("http://{}", serve(&beside, "catalog", routes).await);
        Self::start_beside(beside, db, &[("TALLY_CATALOG_URL", &catalog)]).await
    }

    /// With more variables.
    pub(crate) async fn start_with(db: TestDb, extra: &[(&str, &str)]) -> Self {
        Self::start_beside(context(3), db, extra).await
    }

    async fn start_beside(beside: Context, db: TestDb, extra: &[(&str, &str)]) -> Self {
        let clock = Arc::new(Ahead::default());
        let mut ctx = context(1);
        ctx.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let ledger = Ledger::default();
        let ingest =
            serve(&beside, "ingest", Routes::new(LedgerServiceServer::new(ledger.clone()))).await;
        let ingest = format!("http://{ingest}");
        let url = rollup(&ctx, &db, &ingest, extra).await;
        Self { ledger, ctx, url, clock, beside, ingest, db }
    }

    /// Another replica on the same database; it stops with the context it answers.
    pub(crate) async fn replica(&self) -> (Context, http::Uri) {
        let ctx = context(2);
        let url = rollup(&ctx, &self.db, &self.ingest, &[]).await;
        (ctx, url)
    }

    pub(crate) fn channel(&self, key: &str) -> Channel {
        let key = key.to_owned().into();
        chassis::connect_with_key(&self.url, "test", Some(&key), &self.ctx.transport)
    }

    pub(crate) fn reports(&self) -> ReportServiceClient<Channel> {
        ReportServiceClient::new(self.channel(REPORT_KEY))
    }

    /// Freshness token of everything appended so far.
    pub(crate) fn head(&self) -> String {
        token(self.ledger.head())
    }

    /// The overview of the seed month, with everything appended so far.
    pub(crate) async fn overview(&self) -> Overview {
        let query = ReportQuery { at_least: self.head(), ..month() };
        let mut request = tonic::Request::new(GetOverviewRequest {
            query: Some(query),
            ..GetOverviewRequest::default()
        });
        // A loaded machine may take its time over a month of events.
        request.set_timeout(Duration::from_secs(60));
        let answer = self.reports().get_overview(request).await.unwrap().into_inner();
        answer.overview.unwrap()
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.ctx.stop.cancel();
        self.beside.stop.cancel();
    }
}

pub(crate) fn token(seq: i64) -> String {
    Position { partition: workspace().partition(), seq }.to_string()
}

/// The thirty days from [`START`].
pub(crate) fn month() -> ReportQuery {
    let at = |seconds| Some(wire::Timestamp { seconds, nanos: 0 });
    let start = START / 1_000_000;
    let window = Window { start_time: at(start), end_time: at(start + 30 * 86_400) };
    ReportQuery { window: Some(window), ..ReportQuery::default() }
}

/// Waits for something that happens by itself; a test that waits in vain fails with `what`.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(20), async {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        while !holds().await {
            beat.tick().await;
        }
    });
    patience.await.unwrap_or_else(|_| panic!("{what} did not come to hold"));
}

fn context(seed: u64) -> Context {
    Context::new(
        Arc::new(chassis::SystemClock),
        Arc::new(testkit::SeededIds::new(seed)),
        "service-token".to_owned().into(),
        Transport::default(),
    )
}

async fn rollup(ctx: &Context, db: &TestDb, ingest: &str, extra: &[(&str, &str)]) -> http::Uri {
    let mut vars = BTreeMap::from([
        ("TALLY_ROLLUP_LISTEN", "127.0.0.1:0"),
        ("TALLY_DATABASE_URL", db.settings().url.as_str()),
        ("TALLY_INGEST_URL", ingest),
        // Nobody listens there: reports then have the defaults of the contract.
        ("TALLY_CATALOG_URL", "http://127.0.0.1:1"),
    ]);
    vars.extend(extra.iter().copied());
    let mut reader = Reader::new(&vars, "ROLLUP");
    let config = rollup::Config::read(&mut reader);
    reader.finish().unwrap_or_else(|errors| panic!("{errors}"));
    let service = rollup::start(config, ctx).await.unwrap();
    let service = Service { authenticator: Arc::new(Keys), ..service };
    let addr = chassis::serve(service, ctx).await.unwrap().addr;
    format!("http://{addr}").parse().unwrap()
}

async fn serve(ctx: &Context, name: &'static str, routes: Routes) -> std::net::SocketAddr {
    let (_, ready) = watch::channel(true);
    let listen = "127.0.0.1:0".parse().unwrap();
    let authenticator = Arc::new(Keys);
    let service = Service { name, listen, routes, ready, authenticator };
    chassis::serve(service, ctx).await.unwrap().addr
}

struct Keys;

#[async_trait]
impl Authenticator for Keys {
    async fn authenticate(&self, key: &str) -> Result<Principal, Fault> {
        let scope = match key {
            REPORT_KEY => Scope::Report,
            TRACK_KEY => Scope::Track,
            ADMIN_KEY => Scope::Admin,
            _ => {
                return Err(Fault::unauthenticated(ErrorReason::UnknownCredentials, "unknown key"));
            }
        };
        Ok(Principal::key(workspace(), key, vec![scope]))
    }
}

/// Cursor of the workspace's partition among those a consumer sends.
pub(crate) fn cursor_of(cursors: &[WirePosition]) -> Option<i64> {
    let partition = i32::from(workspace().partition().get());
    cursors.iter().find(|cursor| cursor.partition == partition).map(|cursor| cursor.seq)
}
