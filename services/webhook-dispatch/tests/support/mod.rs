//! A webhook-dispatch at work on a fresh database, with a ledger, a clock and subscribers of the test's own.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "shared by tests that each use a part of it"
)]

pub mod ledger;
pub mod sink;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chassis::config::Reader;
use chassis::{Channel, Context, Service};
use kernel::{Clock as _, Position, TraceContext, WorkspaceId};
use testkit::{FakeClock, Server, TestDb};
use tokio::sync::{Notify, watch};
use tonic::service::Routes;
use webhook_dispatch::sender::Lookup;
use webhook_dispatch::worker::Worker;
use webhook_dispatch::{Config, Migrator, Parts};
use wire::common::v1::{Outcome, Scope};
use wire::ingest::v1::ledger_service_server::LedgerServiceServer;
use wire::webhook::v1::endpoint_service_client::EndpointServiceClient;
use wire::webhook::v1::{
    Attempt, CreateEndpointRequest, CreateEndpointResponse, Delivery, ListAttemptsRequest,
    ListDeliveriesRequest, Operator, Predicate,
};

pub use ledger::{Ledger, step};
pub use sink::{Reply, Sink};

pub const CONTEXT: &str = "webhook-dispatch";

/// A moment a loaded machine surely needs less than; only failures wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Harness {
    pub clock: Arc<FakeClock>,
    pub ledger: Ledger,
    pub names: Names,
    pub worker: Worker,
    pub due: Arc<Notify>,
    pub server: Server,
    pub progress: tail::Progress,
    pub ctx: Context,
}

pub fn workspace() -> WorkspaceId {
    WorkspaceId::new(4_711).unwrap()
}

pub async fn database() -> TestDb {
    testkit::sqlite::<Migrator>(CONTEXT).await
}

impl Harness {
    pub async fn start(db: &TestDb) -> Self {
        Self::start_at(db, Arc::default(), Ledger::default()).await
    }

    /// Another process on the same database and ledger.
    pub async fn start_at(db: &TestDb, clock: Arc<FakeClock>, ledger: Ledger) -> Self {
        let ctx = testkit::context(Arc::clone(&clock) as _);
        let names = Names::default();
        let parts = assemble(db, &ctx, (&ledger, &names), &[]).await;
        let Parts { service, worker, due, progress } = parts;
        let server = testkit::serve(service, &ctx).await;
        Self { clock, ledger, names, worker, due, server, progress, ctx }
    }

    pub fn channel(&self, scopes: &[Scope]) -> Channel {
        self.server.channel_for(workspace(), scopes)
    }

    pub fn admin(&self) -> EndpointServiceClient<Channel> {
        EndpointServiceClient::new(self.channel(&[Scope::Admin]))
    }

    pub async fn subscribe(&self, url: &str) -> CreateEndpointResponse {
        self.create(CreateEndpointRequest { url: url.into(), ..CreateEndpointRequest::default() })
            .await
    }

    pub async fn create(&self, request: CreateEndpointRequest) -> CreateEndpointResponse {
        self.admin().create_endpoint(request).await.unwrap().into_inner()
    }

    pub fn fail(&self, agent: &str) -> Position {
        self.ledger.append(workspace(), step(agent, Outcome::Failure), None)
    }

    pub fn fail_in(&self, trace: TraceContext) -> Position {
        self.ledger.append(workspace(), step("support-triage", Outcome::Failure), Some(trace))
    }

    /// Waits until the effects of everything up to `position` are written.
    pub async fn consumed(&self, position: Position) {
        assert!(self.progress.reaches(position, PATIENCE).await, "{position} was not consumed");
    }

    /// The same, for a batch that waits for somebody who does not answer.
    pub async fn consumed_impatiently(&self, position: Position) {
        let written = self.progress.reaches(position, PATIENCE);
        let impatience = async {
            loop {
                // Asleep: the lease renewal, the attempt, and the batch that waits for it.
                self.clock.sleepers(3).await;
                self.clock.advance(Duration::from_millis(51));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            written = written => assert!(written, "{position} was not consumed"),
            () = impatience => {}
        }
    }

    /// One step of the worker, and everything it started.
    pub async fn work(&self) -> usize {
        let step = self.worker.step(self.clock.now()).await.unwrap();
        self.worker.idle().await;
        step.claimed
    }

    pub async fn deliveries(&self, endpoint_id: &str) -> Vec<Delivery> {
        let request =
            ListDeliveriesRequest { endpoint_id: endpoint_id.into(), ..Default::default() };
        self.admin().list_deliveries(request).await.unwrap().into_inner().deliveries
    }

    pub async fn attempts(&self, delivery_id: &str) -> Vec<Attempt> {
        let request = ListAttemptsRequest { delivery_id: delivery_id.into(), ..Default::default() };
        self.admin().list_attempts(request).await.unwrap().into_inner().attempts
    }

    /// As a deployment does it.
    pub async fn stop(self) {
        let ctx = self.ctx.clone();
        assert!(self.server.stop().await);
        drop(self.worker);
        ctx.tasks.close();
        // The grace of an attempt under way is measured by the clock that stands still.
        let woken = async {
            loop {
                self.clock.sleepers(1).await;
                self.clock.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = ctx.tasks.wait() => {}
            () = woken => {}
        }
    }
}

/// The service, consuming `ledger`, before it is served.
pub async fn assemble(
    db: &TestDb,
    ctx: &Context,
    (ledger, names): (&Ledger, &Names),
    more: &[(&'static str, &str)],
) -> Parts {
    let routes = Routes::new(LedgerServiceServer::new(ledger.clone()));
    let ingest = testkit::serve(service("ingest", routes), ctx).await;
    let mut vars = BTreeMap::from([
        ("TALLY_WEBHOOK_DATABASE_URL", db.settings().url.clone()),
        ("TALLY_WEBHOOK_INGEST_URL", ingest.uri().to_string()),
        ("TALLY_WEBHOOK_ALLOW_NETS", "127.0.0.0/8".to_owned()),
    ]);
    vars.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let mut reader = Reader::new(&vars, "WEBHOOK");
    let config = Config::read(&mut reader);
    reader.finish().unwrap();
    webhook_dispatch::assemble(config, Arc::new(names.clone()), ctx).await.unwrap()
}

fn service(name: &'static str, routes: Routes) -> Service {
    Service {
        name,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        routes,
        ready: watch::channel(true).1,
        authenticator: Arc::new(testkit::server::Keys::new()),
    }
}

pub fn predicate(path: &str, operator: Operator, values: &[&str]) -> Predicate {
    Predicate {
        path: path.into(),
        operator: operator.into(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

/// A name server that a test rewrites.
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<BTreeMap<String, Vec<SocketAddr>>>>);

impl Names {
    pub fn set(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|a| SocketAddr::new(a.parse().unwrap(), 0)).collect();
        self.0.lock().unwrap().insert(name.to_owned(), addresses);
    }
}

#[async_trait]
impl Lookup for Names {
    async fn lookup(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        self.0.lock().unwrap().get(host).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
