//! Rollup: what the ledger adds up to.
//!
//! Read in this order: `domain` (what a step is worth and which cells it falls into), `ledger` and
//! `worker` (how entries become deltas), `store` (deltas and cursor in one transaction), `app` (reports),
//! `grpc` (how they are asked for), `answers` (the cache in front), `check` and `rebuild` (counting again),
//! `sharing` (links for people without a key).

mod answers;
mod app;
mod attempts;
mod check;
mod config;
mod digest;
mod domain;
mod grpc;
mod ledger;
mod rebuild;
mod sharing;
mod shown;
mod store;
mod worker;

use std::sync::Arc;

use chassis::auth::Authenticator;
use chassis::{Context, Service, StartError, Starting};
use db::{Db, Settings};
use tail::Replayer;
use tokio::sync::watch;
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;

pub use config::Config;
pub use store::migration::Migrator;
#[cfg(feature = "testkit")]
pub use store::{suite, suite_corrections, suite_shares};

use answers::Answers;
use app::App;
use attempts::Attempts;
use check::Checker;
use grpc::{CatalogVersions, Defaults};
use rebuild::Rebuilding;
use sharing::Sharing;
use store::{Rebuilds, SqlStore, Store};
use worker::Folding;

/// Its name in logs, health, traces and credentials.
pub const NAME: &str = "rollup";

/// Opens the database, starts to consume and hands over the routes.
pub fn start(config: Config, ctx: &Context) -> Starting<'_, Service> {
    Box::pin(begin(config, ctx))
}

async fn begin(config: Config, ctx: &Context) -> Result<Service, StartError> {
    let Config { service, connections } = config;
    let url = service.database_url.clone();
    let settings = Settings { url, context: NAME, connections };
    let db = Db::open(&settings).await.map_err(|error| StartError::database(NAME, error))?;
    db.verify::<Migrator>().await.map_err(|error| StartError::database(NAME, error))?;
    let hot = hot::open(service.redis_url.as_ref()).map_err(|error| {
        StartError::new("rollup cannot use its cache (TALLY_ROLLUP_REDIS_URL)").because(error)
    })?;
    // Without an address it is this process's memory, which opens always.
    let own = hot::open(None)
        .map_err(|error| StartError::new("rollup cannot make a cache of its own").because(error))?;
    let answers = Answers::new(Arc::clone(&hot));
    let sql = SqlStore::new(db.clone());
    let sharing = Sharing::new(
        Arc::new(sql.clone()),
        Attempts::new(hot, own),
        Arc::clone(&ctx.clock),
        Arc::clone(&ctx.ids),
    );
    let store: Arc<dyn Store> = Arc::new(sql.clone());
    let rebuilds: Arc<dyn Rebuilds> = Arc::new(sql);
    let ingest = chassis::connect(&service.ingest_url, NAME, ctx);
    let folding = Arc::new(Folding::new(Arc::clone(&store), db.shares_commits()));
    let ledger = LedgerServiceClient::new(ingest.clone());
    let progress = tail::run(folding, db, ledger, tail::Settings::default(), ctx);
    let replayer = |reader| Replayer::new(LedgerServiceClient::new(ingest.clone()), reader);
    let checker = Checker::new(Arc::clone(&store), replayer("rollup-check"));
    let rebuilding = Rebuilding::spawn(rebuilds, replayer("rollup-rebuild"), ctx);
    let catalog = chassis::connect(&service.catalog_url, NAME, ctx);
    let versions = Arc::new(CatalogVersions::new(catalog.clone(), Arc::clone(&ctx.clock)));
    let defaults =
        Defaults::new(catalog, ingest.clone(), Arc::clone(&ctx.clock), ctx.tasks.clone());
    let app = Arc::new(App::new(store, progress));
    let authenticator: Arc<dyn Authenticator> = Arc::new(chassis::auth::Remote::new(ingest));
    let parts = grpc::Parts {
        app,
        answers,
        checker,
        defaults,
        versions,
        rebuilding,
        sharing,
        authenticator: Arc::clone(&authenticator),
    };
    Ok(Service {
        name: NAME,
        listen: service.listen,
        routes: grpc::routes(parts, ctx),
        // Reports are served from what is applied, and say how far that is.
        ready: watch::Sender::new(true).subscribe(),
        authenticator,
    })
}
