//! All five services in the process of the test, through the same `start` the binary calls.

use std::sync::Arc;

use chassis::config::Reader;
use chassis::{Context, Service, ServiceConfig, Serving, serve, telemetry};
use db::Db;
use kernel::Clock;
use sea_orm_migration::MigratorTrait;
use tempfile::TempDir;

use crate::address::on;
use crate::settings::{SERVICE_TOKEN, Storage, Vars, vars};
use crate::{Addresses, patience};

/// A running suite. End it with [`Suite::stop`], which is part of what is tested.
pub struct Suite {
    pub addresses: Addresses,
    ctx: Context,
    servers: Vec<Serving>,
    /// Goes last.
    _directory: TempDir,
}

struct Configs {
    ingest: ingest::Config,
    catalog: baseline_catalog::Config,
    rollup: rollup::Config,
    audit: audit_sampling::Config,
    webhook: webhook_dispatch::Config,
}

impl Suite {
    /// On SQLite, with the cache in the process.
    pub async fn on_sqlite() -> Self {
        Self::on(Storage::default()).await
    }

    /// Starts all services, on fresh ports, and returns when each says SERVING. A test that wants
    /// spans installs its telemetry before.
    pub async fn on(storage: Storage) -> Self {
        Self::begin(storage, None).await
    }

    /// By a clock that the test moves. Two on one database are two replicas of everything.
    pub async fn by(clock: Arc<dyn Clock>, storage: Storage) -> Self {
        Self::begin(storage, Some(clock)).await
    }

    async fn begin(storage: Storage, clock: Option<Arc<dyn Clock>>) -> Self {
        let directory = TempDir::with_prefix("tally-tests-").expect("a temporary directory");
        let addresses = Addresses::free();
        let vars = vars(&addresses, directory.path(), &storage);
        let (configs, process) = read(&vars);
        configs.migrate().await;
        let mut ctx = Context::system(process);
        ctx.clock = clock.unwrap_or(ctx.clock);
        let mut servers = Vec::new();
        for service in configs.start(&ctx).await {
            servers.push(serve(service, &ctx).await.unwrap_or_else(|error| panic!("{error}")));
        }
        for (_, port) in addresses.ports() {
            patience::serving(&on(port), || {}).await;
        }
        Self { addresses, ctx, servers, _directory: directory }
    }

    /// Drains and waits for everything to end.
    ///
    /// # Panics
    /// When a server or a background task did not end by itself in its time.
    pub async fn stop(self) {
        self.ctx.stop.cancel();
        for server in self.servers {
            let name = server.name;
            assert!(server.ended().await, "{name} did not end cleanly");
        }
        self.ctx.tasks.close();
        let settled = tokio::time::timeout(self.ctx.transport.settle, self.ctx.tasks.wait()).await;
        assert!(settled.is_ok(), "{} background tasks did not end", self.ctx.tasks.len());
    }
}

fn read(vars: &Vars) -> (Configs, chassis::Settings) {
    let mut r = Reader::new(vars, "SUITE");
    let mut process = chassis::Settings::read(&mut r);
    process.service_token = Some(SERVICE_TOKEN.into());
    // The test decides about telemetry; read all the same, so that no variable is unknown.
    telemetry::Settings::read(&mut r, "tests");
    ServiceConfig::read(&mut r, 0);
    let configs = Configs {
        ingest: ingest::Config::read(r.section("INGEST")),
        catalog: baseline_catalog::Config::read(r.section("CATALOG")),
        rollup: rollup::Config::read(r.section("ROLLUP")),
        audit: audit_sampling::Config::read(r.section("AUDIT")),
        webhook: webhook_dispatch::Config::read(r.section("WEBHOOK")),
    };
    r.finish().unwrap_or_else(|errors| panic!("{errors}"));
    (configs, process)
}

impl Configs {
    async fn migrate(&self) {
        migrate::<ingest::Migrator>(ingest::NAME, &self.ingest.service).await;
        migrate::<baseline_catalog::Migrator>(baseline_catalog::NAME, &self.catalog.service).await;
        migrate::<rollup::Migrator>(rollup::NAME, &self.rollup.service).await;
        migrate::<audit_sampling::Migrator>(audit_sampling::NAME, &self.audit.service).await;
        migrate::<webhook_dispatch::Migrator>(webhook_dispatch::NAME, &self.webhook.service).await;
    }

    async fn start(self, ctx: &Context) -> [Service; 5] {
        let started = [
            baseline_catalog::start(self.catalog, ctx).await,
            ingest::start(self.ingest, ctx).await,
            rollup::start(self.rollup, ctx).await,
            audit_sampling::start(self.audit, ctx).await,
            webhook_dispatch::start(self.webhook, ctx).await,
        ];
        started.map(|service| service.unwrap_or_else(|error| panic!("{error}: {error:?}")))
    }
}

async fn migrate<M: MigratorTrait + 'static>(context: &'static str, service: &ServiceConfig) {
    let url = service.database_url.clone();
    let settings = db::Settings { url, context, connections: 2 };
    let db = Db::open(&settings).await.unwrap_or_else(|error| panic!("{context}: {error}"));
    db.migrate::<M>().await.unwrap_or_else(|error| panic!("{context}: {error}"));
    db.close().await;
}
