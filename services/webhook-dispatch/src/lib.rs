//! Webhook-dispatch: what the ledger tells the world.
//!
//! Read in this order: `domain` (filters, addresses, signatures, retries), `ledger` (what a subscriber
//! gets), `round` and `dispatch` (the first attempt, straight from the tail), `worker` and `settler`
//! (all later ones), `sender` (one request), `lanes` (who may have how many), `store`, `app`, `grpc`.

mod app;
mod config;
mod courier;
mod dispatch;
pub mod domain;
mod endpoints;
mod grpc;
mod lanes;
mod ledger;
mod round;
pub mod sender;
mod settler;
pub mod store;
pub mod worker;

use std::sync::Arc;

use chassis::{Context, Service, StartError, Starting};
use db::{Db, Settings};
use tokio::sync::{Notify, watch};
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;

pub use config::{AllowNets, Config};
pub use store::Migrator;

use app::App;
use courier::Courier;
use dispatch::Dispatch;
use domain::AddressPolicy;
use endpoints::Endpoints;
use lanes::Lanes;
use sender::{Lookup, Sender, SystemLookup};
use settler::Settler;
use store::{SqlStore, Store};
use worker::Worker;

/// Its name in logs, health, traces and credentials.
pub const NAME: &str = "webhook-dispatch";

/// Opens the database, starts to consume and to retry, and hands over the routes.
pub fn start(config: Config, ctx: &Context) -> Starting<'_, Service> {
    Box::pin(begin(config, ctx))
}

async fn begin(config: Config, ctx: &Context) -> Result<Service, StartError> {
    let Parts { service, worker, due, .. } = assemble(config, Arc::new(SystemLookup), ctx).await?;
    ctx.tasks.spawn(worker.run(due));
    Ok(service)
}

/// A started service whose worker has not begun: a test steps it by hand.
pub struct Parts {
    pub service: Service,
    pub worker: Worker,
    /// Notified when the worker has something to send.
    pub due: Arc<Notify>,
    /// How far the ledger has been consumed.
    pub progress: tail::Progress,
}

/// Everything but the worker's loop. `lookup` resolves the names of endpoints.
pub async fn assemble(
    config: Config,
    lookup: Arc<dyn Lookup>,
    ctx: &Context,
) -> Result<Parts, StartError> {
    let url = config.service.database_url.clone();
    let settings = Settings { url, context: NAME, connections: config.connections };
    let db = Db::open(&settings).await.map_err(|error| StartError::database(NAME, error))?;
    db.verify::<Migrator>().await.map_err(|error| StartError::database(NAME, error))?;
    let store: Arc<dyn Store> = Arc::new(SqlStore::new(db.clone()));
    let endpoints = Arc::new(Endpoints::new(Arc::clone(&store), Arc::clone(&ctx.clock)));
    let policy = AddressPolicy::new(config.allow_nets.0);
    let sender = Sender::new(policy.clone(), lookup, Arc::clone(&ctx.clock));
    let lanes = Lanes::new(config.endpoint_concurrency, config.concurrency);
    let courier = Arc::new(Courier::new(sender, lanes, config.patience, ctx));
    let (settler, settling) =
        Settler::new(Arc::clone(&store), Arc::clone(&endpoints), Arc::clone(&ctx.clock));
    ctx.tasks.spawn(settling);
    let due = Arc::new(Notify::new());

    let ingest = chassis::connect(&config.service.ingest_url, NAME, ctx);
    let ledger = LedgerServiceClient::new(ingest.clone());
    let dispatch = Dispatch::new(
        Arc::clone(&store),
        Arc::clone(&endpoints),
        Arc::clone(&courier),
        (settler.clone(), Arc::clone(&due)),
        ctx,
    );
    let progress =
        tail::run(Arc::new(dispatch), db, ledger.clone(), tail::Settings::default(), ctx);
    let worker = Worker::new(Arc::clone(&store), Arc::clone(&endpoints), courier, settler, ctx);
    let heads = Arc::new(grpc::LedgerHeads::new(ledger));
    let app = Arc::new(App::new((store, endpoints), heads, policy, ctx));

    let service = Service {
        name: NAME,
        listen: config.service.listen,
        routes: grpc::routes(app),
        ready: watch::Sender::new(true).subscribe(),
        authenticator: Arc::new(chassis::auth::Remote::new(ingest)),
    };
    Ok(Parts { service, worker, due, progress })
}
