//! Ingest: workspaces, API keys, the ledger. Facts enter here by Track and flow out by Tail.
//!
//! It knows no report. It values events by its own copy of the catalog, so it starts and works without
//! the catalog once it has seen one.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "tests"))]

mod access;
mod announce;
#[cfg(test)]
mod api_tests;
mod app;
mod catalog_copy;
mod catalog_watch;
mod committer;
mod config;
mod domain;
mod grpc;
mod guard;
mod heads;
mod last_use;
mod limits;
mod recent;
mod store;
mod tail_poll;

use std::sync::Arc;

use chassis::{Context, Service, StartError, Starting};
use db::{Backend, Db, Settings};
use tonic::service::Routes;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::ingest::v1::access_service_server::AccessServiceServer;
use wire::ingest::v1::guard_service_server::GuardServiceServer;
use wire::ingest::v1::ingest_service_server::IngestServiceServer;
use wire::ingest::v1::ledger_service_server::LedgerServiceServer;

pub use config::Config;
pub use store::{Migrator, Yardstick};

use crate::access::Access;
use crate::announce::Announcer;
use crate::app::App;
use crate::catalog_copy::CatalogCopy;
use crate::catalog_watch::CatalogWatch;
use crate::committer::{Committer, Lanes, Worker};
use crate::domain::Patterns;
use crate::domain::limits::CALL_BYTES_MAX;
use crate::guard::Guard;
use crate::heads::Heads;
use crate::limits::Limits;
use crate::limits::tallies::Tallies;
use crate::limits::usage::Usage;
use crate::recent::Recent;
use crate::store::{AccessStore, CatalogCopyStore, LedgerReader, LedgerWriter};

/// Its name in health, logs and on the command line.
pub const NAME: &str = "ingest";

/// Opens the database, starts the committers and the watch of the catalog.
pub fn start(config: Config, ctx: &Context) -> Starting<'_, Service> {
    Box::pin(begin(config, ctx))
}

async fn begin(config: Config, ctx: &Context) -> Result<Service, StartError> {
    let db = open(&config).await?;
    db.verify::<Migrator>().await.map_err(|error| StartError::database(NAME, error))?;
    let hot = hot::open(config.service.redis_url.as_ref())
        .map_err(|e| StartError::new(format!("TALLY_REDIS_URL: {e}")))?;

    let (heads, reader) = (Heads::new(), LedgerReader(db.clone()));
    heads.raise(reader.heads().await.map_err(unreadable)?);
    let (announcer, announcing) = Announcer::new(Arc::clone(&hot));
    ctx.tasks.spawn(announcing);
    let (recent, tallies) = (Recent::new(), Tallies::new());
    let ledger = LedgerWriter::new(db.clone());
    ledger.read_keys(&ctx.stop).await.map_err(unreadable)?;
    let worker = Worker {
        ledger: ledger.clone(),
        heads: heads.clone(),
        recent: recent.clone(),
        tallies: tallies.clone(),
        announcer,
        clock: Arc::clone(&ctx.clock),
        failing: Arc::default(),
    };
    let lanes = match (db.backend(), config.one_partition) {
        (Backend::Sqlite, _) => Lanes::Shared(1),
        (_, true) => Lanes::Apart { at_once: config.lanes },
        (_, false) => Lanes::Shared(config.lanes),
    };
    let committer = Committer::start(worker, lanes, config.queue, &ctx.tasks);
    let poll = tail_poll::run(
        heads.clone(),
        reader.clone(),
        Arc::clone(&hot),
        Arc::clone(&ctx.clock),
        ctx.stop.clone(),
    );
    ctx.tasks.spawn(poll);

    let catalog = Arc::new(CatalogCopy::new());
    let mut watch = CatalogWatch {
        client: CatalogServiceClient::new(chassis::connect(&config.service.catalog_url, NAME, ctx)),
        store: CatalogCopyStore(db.clone()),
        copy: Arc::clone(&catalog),
        patterns: Patterns::default(),
        clock: Arc::clone(&ctx.clock),
        stop: ctx.stop.clone(),
        outage: chassis::Outage::default(),
    };
    watch.load().await.map_err(|error| {
        StartError::new("the kept copy of the catalog cannot be read").because(error)
    })?;
    ctx.tasks.spawn(watch.run());

    let limits = Limits::new(config.allowance, &db, ledger, Arc::clone(&hot), &ctx.clock)
        .map_err(|error| StartError::new("what limits workspaces cannot be kept").because(error))?;
    let usage = Usage::new(&db, (heads.clone(), tallies), &limits, ctx);
    ctx.tasks.spawn(usage.run());

    let (access, noting) =
        Access::new(AccessStore(db), Arc::clone(&ctx.clock), Arc::clone(&ctx.ids));
    ctx.tasks.spawn(noting);
    let ready = catalog.loaded();
    let guard = Guard::new(hot, Arc::clone(&catalog), Arc::clone(&ctx.clock), &ctx.tasks);
    let app = App {
        committer,
        reader: reader.clone(),
        catalog,
        access: access.clone(),
        clock: Arc::clone(&ctx.clock),
        limits,
        guard,
        settings: std::sync::Mutex::default(),
        stop: ctx.stop.clone(),
    };
    let ledger =
        grpc::LedgerApi { reader, heads, recent, stop: ctx.stop.clone(), tasks: ctx.tasks.clone() };
    let api = grpc::IngestApi(Arc::new(app));
    let tracking = IngestServiceServer::new(api.clone()).max_decoding_message_size(CALL_BYTES_MAX);
    let routes =
        Routes::new(grpc::BatchPlaces::new(tracking, config.batches, Arc::clone(&ctx.clock)))
            .add_service(LedgerServiceServer::new(ledger))
            .add_service(AccessServiceServer::new(grpc::AccessApi(access.clone())))
            .add_service(GuardServiceServer::new(grpc::GuardApi(api)));
    Ok(Service {
        name: NAME,
        listen: config.service.listen,
        routes,
        ready,
        authenticator: Arc::new(access),
    })
}

/// On a fresh install: creates the workspace `default` and answers its id and first admin key, which is
/// shown this once. `None` when there is a workspace already.
pub fn bootstrap<'a>(
    config: &'a Config,
    ctx: &'a Context,
) -> Starting<'a, Option<(String, String)>> {
    Box::pin(make_first(config, ctx))
}

async fn make_first(
    config: &Config,
    ctx: &Context,
) -> Result<Option<(String, String)>, StartError> {
    let db = open(config).await?;
    let (access, _) =
        Access::new(AccessStore(db.clone()), Arc::clone(&ctx.clock), Arc::clone(&ctx.ids));
    let made = access
        .bootstrap()
        .await
        .map_err(|e| StartError::new("the first workspace could not be created").because(e))?;
    db.close().await;
    Ok(made.map(|(workspace, key)| (workspace.id.to_string(), key.reveal().to_owned())))
}

async fn open(config: &Config) -> Result<Db, StartError> {
    let settings = Settings {
        url: config.service.database_url.clone(),
        context: NAME,
        connections: config.connections,
    };
    Db::open(&settings).await.map_err(|error| StartError::database(NAME, error))
}

fn unreadable(error: db::Error) -> StartError {
    StartError::new("the ledger cannot be read").because(error)
}
