//! Audit sampling: draws steps of AI agents for human review, by rules that can be checked
//! afterwards.
//!
//! The server chooses, never the caller, and whoever is given the salt of a week can repeat its
//! draw. Decides nothing about money; what reviewers find goes back into the ledger.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "tests"))]

#[cfg(test)]
mod api_tests;
mod app;
mod config;
mod domain;
mod grpc;
mod store;
mod worker;

use std::sync::Arc;

use chassis::{Context, Service, StartError, Starting};
use db::{Db, Settings};
use tokio::sync::watch;
use wire::audit::v1::sampling_service_server::SamplingServiceServer;
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;

pub use config::Config;
pub use store::migration::Migrator;

/// The name in health, logs, the database and the ledger's list of consumers.
pub const NAME: &str = "audit-sampling";

/// What a call may weigh: small messages can decode into large heaps.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Opens the database, begins to consume the ledger and answers SamplingService. Refuses tables of
/// another version.
pub fn start(config: Config, context: &Context) -> Starting<'_, Service> {
    Box::pin(begin(config, context))
}

async fn begin(config: Config, context: &Context) -> Result<Service, StartError> {
    let Config { service, connections } = config;
    let settings = Settings { url: service.database_url, context: NAME, connections };
    let db = Db::open(&settings).await.map_err(|error| StartError::database(NAME, error))?;
    db.verify::<Migrator>().await.map_err(|error| StartError::database(NAME, error))?;

    let store = store::Store::new(db.clone());
    let secret = store.secret(&*context.ids).await;
    let secret = secret.map_err(|error| {
        StartError::new("audit-sampling could not read its secret; start it again").because(error)
    })?;
    let ingest = chassis::connect(&service.ingest_url, NAME, context);
    let sampler = Arc::new(worker::Sampler::new(store.clone(), secret.clone()));
    let ledger = LedgerServiceClient::new(ingest.clone());
    let progress = tail::run(sampler, db, ledger, tail::Settings::default(), context);
    let app = app::App::new(store, secret, progress, Arc::clone(&context.clock));
    let server = SamplingServiceServer::new(grpc::Server::new(Arc::new(app)))
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    Ok(Service {
        name: NAME,
        listen: service.listen,
        routes: tonic::service::Routes::new(server),
        // It answers from what it has drawn so far, and every answer says how far that is.
        ready: watch::Sender::new(true).subscribe(),
        authenticator: Arc::new(chassis::auth::Remote::new(ingest)),
    })
}
