//! The catalog: what a step, an hour, a token and a currency are worth, since when, and who says
//! so.
//!
//! Everything is derived from one append-only log of changes, so every value has a history, an
//! actor and a reason, and a watcher that has seen a position has seen everything before it. Stores
//! no events.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "tests"))]

#[cfg(test)]
mod api_tests;
mod app;
mod config;
mod domain;
mod feed;
mod grpc;
mod snapshots;
mod store;

use std::sync::Arc;

use chassis::{Context, Service, StartError, Starting};
use db::{Db, Settings};
use tokio::sync::watch;
use wire::catalog::v1::catalog_service_server::CatalogServiceServer;

pub use config::Config;
pub use store::migration::Migrator;

/// The name in health, logs and the database.
pub const NAME: &str = "baseline-catalog";

/// What a call may weigh: small messages can decode into large heaps.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Opens the database and answers CatalogService. Refuses tables of another version.
pub fn start(config: Config, context: &Context) -> Starting<'_, Service> {
    Box::pin(begin(config, context))
}

async fn begin(config: Config, context: &Context) -> Result<Service, StartError> {
    let Config { service, connections } = config;
    let settings = Settings { url: service.database_url, context: NAME, connections };
    let db = Db::open(&settings).await.map_err(|error| StartError::database(NAME, error))?;
    db.verify::<Migrator>().await.map_err(|error| StartError::database(NAME, error))?;

    let clock = Arc::clone(&context.clock);
    let store = store::Store::new(db, Arc::clone(&clock));
    let app = Arc::new(app::App::new(store, clock));
    let server = CatalogServiceServer::new(grpc::Server::new(app, context.clone()))
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    let ingest = chassis::connect(&service.ingest_url, NAME, context);
    Ok(Service {
        name: NAME,
        listen: service.listen,
        routes: tonic::service::Routes::new(server),
        // Nothing to catch up with: what the database holds is what is in force.
        ready: watch::Sender::new(true).subscribe(),
        authenticator: Arc::new(chassis::auth::Remote::new(ingest)),
    })
}
