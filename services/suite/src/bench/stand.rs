//! What is measured: services of the bench's own in this process, or an ingest that runs already.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;

use chassis::config::{ProcessEnv, Vars as _};
use chassis::telemetry::Telemetry;
use chassis::{Context, Serving, connect, lifecycle};
use http::Uri;
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use tonic::Request;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use wire::ingest::v1::CreateWorkspaceRequest;
use wire::ingest::v1::access_service_client::AccessServiceClient;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;

use crate::cli::Which;
use crate::failure::Failure;
use crate::hosting;
use crate::settings::Settings;

/// Connections of the callers: enough that no single one is what is measured.
const CHANNELS: usize = 4;
/// Tenants of the bench's own services. They fall into different partitions, so every lane has work.
const WORKSPACES: usize = 16;

/// An ingest to call, by callers that are as plain as other people's.
pub(crate) struct Target {
    clients: Vec<IngestServiceClient<Channel>>,
    keys: Vec<AsciiMetadataValue>,
}

impl Target {
    /// Callers of the ingest at `address`, holding `keys` in turn.
    pub(crate) fn new(address: &Uri, keys: &[SecretString]) -> Result<Self, Failure> {
        let channel = || {
            let endpoint = Endpoint::from(address.clone())
                .initial_connection_window_size(16 * 1024 * 1024)
                .initial_stream_window_size(1024 * 1024);
            IngestServiceClient::new(endpoint.connect_lazy())
        };
        let keys = keys.iter().map(bearer).collect::<Result<_, _>>()?;
        Ok(Self { clients: (0..CHANNELS).map(|_| channel()).collect(), keys })
    }

    /// A caller's own client.
    pub(crate) fn client(&self, caller: usize) -> IngestServiceClient<Channel> {
        self.clients[caller % self.clients.len()].clone()
    }

    /// A caller's request, with its key.
    pub(crate) fn request<T>(&self, caller: usize, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let key = self.keys[caller % self.keys.len()].clone();
        request.metadata_mut().insert("authorization", key);
        request
    }
}

fn bearer(key: &SecretString) -> Result<AsciiMetadataValue, Failure> {
    let mut value: AsciiMetadataValue = format!("Bearer {}", key.expose_secret())
        .parse()
        .map_err(|_| Failure::Other("the API key holds characters a call cannot carry".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Ingest and the catalog, started for the bench and ended with it.
pub(crate) struct Stand {
    pub(crate) ctx: Context,
    pub(crate) ingest: Uri,
    pub(crate) database_url: String,
    pub(crate) keys: Vec<SecretString>,
    servers: Vec<Serving>,
    telemetry: Telemetry,
    /// Removed at the end.
    _directory: TempDir,
}

impl Stand {
    /// On `database` (a throw-away SQLite file when `None`) and `redis`.
    pub(crate) async fn start(
        database: Option<&str>,
        redis: Option<&str>,
    ) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Other(format!("the bench: {error}"));
        let directory = tempfile::Builder::new().prefix("tally-bench").tempdir().map_err(failed)?;
        let vars = variables(directory.path(), database, redis).map_err(failed)?;
        let (mut settings, _) = Settings::read(&vars, "tally")?;
        settings.meet();
        let database_url = database
            .map_or_else(|| format!("sqlite://{}/", directory.path().display()), str::to_owned);
        let ctx = hosting::context(&mut settings)?;
        lifecycle::stop_on_signal(ctx.stop.clone())?;
        let both = [Which::BaselineCatalog, Which::Ingest];
        for which in both {
            hosting::migrate(&settings, which).await?;
        }
        own_ledger(&settings, &ctx, &database_url).await?;

        let telemetry = Telemetry::install(&settings.telemetry, &chassis::OsIds)?;
        let ingest = settings.peers.ingest_url.clone();
        let catalog = baseline_catalog::start(settings.catalog, &ctx).await?;
        let mut servers = vec![chassis::serve(catalog, &ctx).await?];
        let service = ingest::start(settings.ingest, &ctx).await?;
        let mut ready = service.ready.clone();
        servers.push(chassis::serve(service, &ctx).await?);
        // An error would mean that ingest has ended, which the first call will say better.
        let _ = ready.wait_for(|ready| *ready).await;
        let keys = keys(&ingest, &ctx).await?;
        Ok(Self { ctx, ingest, database_url, keys, servers, telemetry, _directory: directory })
    }

    /// Stops the services.
    pub(crate) async fn end(self) {
        self.ctx.stop.cancel();
        lifecycle::run(self.ctx, self.servers, self.telemetry).await;
    }
}

fn variables(
    directory: &Path,
    database: Option<&str>,
    redis: Option<&str>,
) -> std::io::Result<BTreeMap<String, String>> {
    // What is tuned for the services is tuned for the bench; where they are and what they keep is not.
    let tuned = ["LANES", "QUEUE", "BATCHES", "CONNECTIONS"].map(|name| format!("TALLY_INGEST_{name}"));
    let tuned = tuned.into_iter().filter_map(|name| Some((name.clone(), ProcessEnv.get(&name)?)));
    let mut vars: BTreeMap<String, String> = tuned.collect();
    vars.insert("TALLY_DATA_DIR".to_owned(), directory.display().to_string());
    vars.insert("TALLY_LOG".to_owned(), "warn".to_owned());
    for service in ["INGEST", "CATALOG"] {
        vars.insert(format!("TALLY_{service}_LISTEN"), free_address()?);
    }
    let given = [("TALLY_DATABASE_URL", database), ("TALLY_REDIS_URL", redis)];
    vars.extend(given.into_iter().filter_map(|(name, url)| Some((name.into(), url?.to_owned()))));
    Ok(vars)
}

/// The services tell each other where they are before they listen, so the port is chosen first.
fn free_address() -> std::io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Refuses a ledger that is somebody's: what a bench appends would stay in it for ever. A database a bench
/// has used before is known by the bench's own tables.
async fn own_ledger(settings: &Settings, ctx: &Context, url: &str) -> Result<(), Failure> {
    if super::Inserts::known(url).await? {
        return Ok(());
    }
    match ingest::bootstrap(&settings.ingest, ctx).await? {
        Some(_) => Ok(()),
        None => Err(Failure::Other(
            "this database holds a ledger, and what a bench appends stays there for ever: give it a \
             database of its own (createdb tally_bench)"
                .into(),
        )),
    }
}

async fn keys(ingest: &Uri, ctx: &Context) -> Result<Vec<SecretString>, Failure> {
    let mut access = AccessServiceClient::new(connect(ingest, "bench", ctx));
    let mut keys = Vec::new();
    for n in 0..WORKSPACES {
        let request = CreateWorkspaceRequest { name: format!("bench {n}"), ..Default::default() };
        let made = access
            .create_workspace(request)
            .await
            .map_err(Failure::call("a workspace of the bench was not created"))?;
        keys.push(made.into_inner().api_key.into());
    }
    Ok(keys)
}
