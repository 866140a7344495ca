//! How long ResolveBaselines of 100 keys takes, over a real channel. Prints, and decides nothing:
//!
//! `cargo bench -p baseline-catalog` (SQLite in a temporary file; `-- postgres` for a throw-away PostgreSQL)
#![expect(clippy::unwrap_used, reason = "a program of the workshop")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use baseline_catalog::{Config, Migrator, NAME};
use chassis::Channel;
use chassis::config::Reader;
use kernel::WorkspaceId;
use testkit::{FakeClock, Server, TestDb};
use wire::catalog::v1 as pb;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::common::v1::Scope;

type Client = CatalogServiceClient<Channel>;

const WORKSPACES: i64 = 1_000;
const TASK_TYPES: usize = 1_000;
const VERSIONS: usize = 10;
const KEYS: usize = 100;
const CALLS: usize = 2_000;

#[tokio::main]
async fn main() {
    let on_postgres = std::env::args().any(|argument| argument == "postgres");
    let database = match on_postgres {
        true => testkit::postgres::<Migrator>(NAME).await,
        false => testkit::sqlite::<Migrator>(NAME).await,
    };
    let server = serve(&database).await;
    println!(
        "{} workspaces, {} versions in all, on {}",
        WORKSPACES,
        TASK_TYPES * VERSIONS,
        if on_postgres { "PostgreSQL" } else { "SQLite" }
    );

    // One workspace with a thousand types of ten versions each: the worst there is.
    let mut large = client(&server, 1);
    let types: String = (0..TASK_TYPES).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "  - {{task_type: type_{n}}}");
        text
    });
    import(&mut large, &format!("pack: types\ntask_types:\n{types}")).await;
    for version in 1..=VERSIONS {
        let baselines: String = (0..TASK_TYPES).fold(String::new(), |mut text, n| {
            let _ = writeln!(text, "  - {{task_type: type_{n}, effort: {version}m}}");
            text
        });
        import(&mut large, &format!("pack: version-{version}\nbaselines:\n{baselines}")).await;
    }
    // And the same number of versions spread over a thousand workspaces.
    for workspace in 2..=WORKSPACES {
        let mut client = client(&server, workspace);
        for version in 1..=VERSIONS as i64 {
            let request = pb::SetBaselineRequest {
                key: Some(key("ticket_routing".to_owned())),
                baseline_ms: version * 60_000,
                reason: "bench".to_owned(),
                ..Default::default()
            };
            client.set_baseline(request).await.unwrap();
        }
    }

    let keys = |n: usize| {
        (0..KEYS).map(|k| key(format!("type_{}", (n * 37 + k * 7) % TASK_TYPES))).collect()
    };
    let mut taken = Vec::with_capacity(CALLS);
    for n in 0..CALLS {
        taken.push(resolve(&mut large, keys(n)).await);
    }
    say("one workspace of 10,000 versions", taken);

    // A change before every call: the next reads what came since.
    let mut taken = Vec::with_capacity(CALLS / 10);
    for n in 0..CALLS / 10 {
        let request = pb::SetBaselineRequest {
            key: Some(key("type_1".to_owned())),
            baseline_ms: 60_000 + n as i64,
            reason: "bench".to_owned(),
            ..Default::default()
        };
        large.set_baseline(request).await.unwrap();
        taken.push(resolve(&mut large, keys(n)).await);
    }
    say("the same, right after a change", taken);

    let mut taken = Vec::with_capacity(WORKSPACES as usize);
    for workspace in 2..=WORKSPACES {
        let keys = vec![key("ticket_routing".to_owned()); KEYS];
        taken.push(resolve(&mut client(&server, workspace), keys).await);
    }
    say("a thousand workspaces, each for the first time", taken);
    server.stop().await;
}

async fn serve(database: &TestDb) -> Server {
    let context = testkit::context(Arc::new(FakeClock::default()));
    let vars = BTreeMap::from([("TALLY_DATABASE_URL", database.settings().url.as_str())]);
    let mut reader = Reader::new(&vars, "CATALOG");
    let config = Config::read(&mut reader);
    reader.finish().unwrap();
    testkit::serve(baseline_catalog::start(config, &context).await.unwrap(), &context).await
}

fn client(server: &Server, workspace: i64) -> Client {
    let workspace = WorkspaceId::new(workspace).unwrap();
    Client::new(server.channel_for(workspace, &[Scope::Admin]))
}

fn key(task_type: String) -> pb::BaselineKey {
    pb::BaselineKey { task_type, ..Default::default() }
}

async fn import(client: &mut Client, document_yaml: &str) {
    let request = pb::ImportPackRequest {
        document_yaml: document_yaml.to_owned(),
        reason: "bench".to_owned(),
        ..Default::default()
    };
    client.import_pack(request).await.unwrap();
}

async fn resolve(client: &mut Client, keys: Vec<pb::BaselineKey>) -> Duration {
    let request = pb::ResolveBaselinesRequest { keys, ..Default::default() };
    let start = Instant::now();
    let answer = client.resolve_baselines(request).await.unwrap().into_inner();
    let taken = start.elapsed();
    assert_eq!(answer.results.len(), KEYS);
    taken
}

fn say(what: &str, mut taken: Vec<Duration>) {
    taken.sort_unstable();
    let at = |percent: usize| taken[(taken.len() - 1) * percent / 100];
    println!("{what}: p50 {:?}, p99 {:?}, worst {:?}", at(50), at(99), at(100));
}
