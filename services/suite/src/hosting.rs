//! Starting services in this process: the same code whether one or all.

use std::sync::Arc;

use chassis::telemetry::Telemetry;
use chassis::{Context, Service, ServiceConfig, Serving, StartError};
use db::Db;
use sea_orm_migration::MigratorTrait;
use tokio::sync::watch;
use tonic::service::Routes;

use crate::cli::Which;
use crate::failure::Failure;
use crate::service_token;
use crate::settings::Settings;

/// What runs here, until it is told to stop.
pub(crate) struct Hosted {
    pub(crate) ctx: Context,
    pub(crate) telemetry: Telemetry,
    pub(crate) servers: Vec<Serving>,
}

/// The context of this process, with the token it shares with the others.
pub(crate) fn context(settings: &mut Settings) -> Result<Context, StartError> {
    let mut process = std::mem::replace(
        &mut settings.process,
        chassis::Settings { transport: chassis::Transport::default(), service_token: None },
    );
    if process.service_token.is_none() {
        process.service_token = Some(service_token::of(&settings.data_dir(), &chassis::OsIds)?);
    }
    Ok(Context::system(process))
}

/// Starts `which` and serves it.
pub(crate) async fn start(
    mut settings: Settings,
    which: Which,
    ctx: Context,
) -> Result<Hosted, Failure> {
    let telemetry = Telemetry::install(&settings.telemetry, &chassis::OsIds)?;
    let suite = settings.peers.listen;
    let mut services = Vec::new();
    if which == Which::All {
        settings.meet();
    }
    let Settings { ingest, catalog, rollup, audit, webhook, .. } = settings;
    let runs = |one| which == Which::All || which == one;
    if runs(Which::BaselineCatalog) {
        services.push(baseline_catalog::start(catalog, &ctx).await?);
    }
    if runs(Which::Ingest) {
        services.push(ingest::start(ingest, &ctx).await?);
    }
    if runs(Which::Rollup) {
        services.push(rollup::start(rollup, &ctx).await?);
    }
    if runs(Which::AuditSampling) {
        services.push(audit_sampling::start(audit, &ctx).await?);
    }
    if runs(Which::WebhookDispatch) {
        services.push(webhook_dispatch::start(webhook, &ctx).await?);
    }
    if which == Which::All {
        services.push(together(&services, suite, &ctx)?);
    }
    let mut servers = Vec::new();
    for service in services {
        servers.push(chassis::serve(service, &ctx).await?);
    }
    Ok(Hosted { ctx, telemetry, servers })
}

/// All of them behind one address, for callers that want to know only one.
fn together(
    services: &[Service],
    listen: std::net::SocketAddr,
    ctx: &Context,
) -> Result<Service, StartError> {
    let routers =
        services.iter().map(|service| service.routes.clone().into_axum_router().reset_fallback());
    // One of them answers for the paths that nobody serves, as gRPC does.
    let merged = routers.fold(Routes::default().into_axum_router(), axum::Router::merge);
    let authenticator = services
        .iter()
        .find(|service| service.name == ingest::NAME)
        .map(|service| Arc::clone(&service.authenticator))
        .ok_or_else(|| StartError::new("the suite needs ingest to check keys"))?;
    let (ready, all_ready) = watch::channel(false);
    for service in services {
        let (mut one, ready) = (service.ready.clone(), ready.clone());
        let others: Vec<_> = services.iter().map(|service| service.ready.clone()).collect();
        ctx.tasks.spawn(async move {
            while one.changed().await.is_ok() {
                ready.send_replace(others.iter().all(|other| *other.borrow()));
            }
        });
    }
    ready.send_replace(services.iter().all(|service| *service.ready.borrow()));
    Ok(Service {
        name: "suite",
        listen,
        routes: Routes::from(merged),
        ready: all_ready,
        authenticator,
    })
}

/// Brings the databases of `which` up to this build's schema.
pub(crate) async fn migrate(
    settings: &Settings,
    which: Which,
) -> Result<Vec<&'static str>, Failure> {
    let mut migrated = Vec::new();
    let runs = |one| which == Which::All || which == one;
    if runs(Which::Ingest) {
        let config = &settings.ingest;
        one::<ingest::Migrator>(ingest::NAME, &config.service, config.connections).await?;
        migrated.push(ingest::NAME);
    }
    if runs(Which::BaselineCatalog) {
        let (name, config) = (baseline_catalog::NAME, &settings.catalog);
        one::<baseline_catalog::Migrator>(name, &config.service, config.connections).await?;
        migrated.push(name);
    }
    if runs(Which::Rollup) {
        let (name, config) = (rollup::NAME, &settings.rollup);
        one::<rollup::Migrator>(name, &config.service, config.connections).await?;
        migrated.push(name);
    }
    if runs(Which::AuditSampling) {
        let (name, config) = (audit_sampling::NAME, &settings.audit);
        one::<audit_sampling::Migrator>(name, &config.service, config.connections).await?;
        migrated.push(name);
    }
    if runs(Which::WebhookDispatch) {
        let (name, config) = (webhook_dispatch::NAME, &settings.webhook);
        one::<webhook_dispatch::Migrator>(name, &config.service, config.connections).await?;
        migrated.push(name);
    }
    Ok(migrated)
}

async fn one<M: MigratorTrait + 'static>(
    name: &'static str,
    service: &ServiceConfig,
    connections: u32,
) -> Result<(), Failure> {
    let url = service.database_url.clone();
    let settings = db::Settings { url, context: name, connections };
    let failed = |error: &dyn std::fmt::Display| Failure::Other(format!("{name}: {error}"));
    let db = Db::open(&settings).await.map_err(|error| failed(&error))?;
    db.migrate::<M>().await.map_err(|error| failed(&error))?;
    db.close().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    #[tokio::test]
    async fn a_path_that_nobody_serves_is_answered_as_grpc_does() {
        let ctx = testkit::context(Arc::new(chassis::SystemClock));
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let bare = |name| Service {
            name,
            listen,
            routes: Routes::default(),
            ready: watch::Sender::new(true).subscribe(),
            authenticator: Arc::new(testkit::server::Keys::new()),
        };
        let both = [bare(ingest::NAME), bare(rollup::NAME)];
        let suite = testkit::serve(together(&both, listen, &ctx).unwrap(), &ctx).await;
        let path = "/tally.nowhere.v1.NoService/NoCall";
        let answer = testkit::raw::call(suite.service_channel(), path, Default::default()).await;
        assert_eq!(answer.unwrap_err().code(), tonic::Code::Unimplemented);
        assert!(suite.stop().await);
    }
}
