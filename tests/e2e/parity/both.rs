//! Two suites, one on each database, at the same moment by a clock of theirs.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kernel::{Clock, Timestamp};
use testkit::TestDb;
use tests::{Stage, Storage, Suite};

use super::calls::{Answer, Call, Clients};

const WORKSPACES: usize = 4;
/// Between two calls: the hours, days and weeks of reports change while the workload lasts.
const STEP: Duration = Duration::from_secs(97);
/// 10 April 2026, 09:00 UTC: clocks were put forward twelve days ago in Europe.
const START: Timestamp = Timestamp::from_micros(1_775_811_600_000_000);

pub(crate) struct Both {
    clock: Arc<Steps>,
    suites: [Suite; 2],
    /// By workspace: on SQLite, on PostgreSQL.
    stages: Vec<[Stage; 2]>,
    clients: Vec<[Clients; 2]>,
    /// Goes last.
    _database: TestDb,
}

impl Both {
    pub(crate) async fn start() -> Self {
        let clock = Arc::new(Steps(Mutex::new(START)));
        let database = testkit::postgres::<ingest::Migrator>(ingest::NAME).await;
        let url = database.settings().url.clone();
        let postgres = Storage { database_url: Some(url), redis_url: None };
        let sqlite = Suite::by(Arc::clone(&clock) as Arc<dyn Clock>, Storage::default()).await;
        let postgres = Suite::by(Arc::clone(&clock) as Arc<dyn Clock>, postgres).await;
        let suites = [sqlite, postgres];
        let [one, other] = [&suites[0], &suites[1]].map(|suite| Stage::set(&suite.addresses));
        let first = [one.await, other.await];
        let mut stages = vec![first.clone()];
        for number in 1..WORKSPACES {
            let name = format!("workspace {number}");
            let [one, other] = [&first[0], &first[1]].map(|stage| stage.another(&name));
            stages.push([one.await, other.await]);
        }
        for [one, other] in &stages {
            assert_eq!(one.workspace, other.workspace, "ids of workspaces follow from their names");
            assert_eq!(one.catalog_version, other.catalog_version);
        }
        let clients = stages.iter().map(|pair| [Clients::of(&pair[0]), Clients::of(&pair[1])]);
        let clients = clients.collect();
        Self { clock, suites, stages, clients, _database: database }
    }

    pub(crate) fn stages(&self) -> impl Iterator<Item = [&Stage; 2]> {
        self.stages.iter().map(|[one, other]| [one, other])
    }

    /// Ids of the workspaces, and the version of the catalog in which their rates hold.
    pub(crate) fn workspaces(&self) -> Vec<(String, String)> {
        let named = |[one, _]: &[Stage; 2]| (one.workspace.clone(), one.catalog_version.clone());
        self.stages.iter().map(named).collect()
    }

    /// Some time passes; answers the present.
    pub(crate) fn advance(&self) -> Timestamp {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.plus(STEP);
        *now
    }

    /// The answer of both.
    pub(crate) async fn ask(&self, workspace: usize, call: &Call) -> Answer {
        let [sqlite, postgres] = &self.clients[workspace];
        let (one, other) = tokio::join!(sqlite.ask(call), postgres.ask(call));
        assert_eq!(one, other, "SQLite left, PostgreSQL right, to workspace {workspace}: {call:?}");
        one
    }

    pub(crate) async fn stop(self) {
        for suite in self.suites {
            suite.stop().await;
        }
    }
}

/// Stands still between two calls, so that both suites stamp the same times; who waits for a later time
/// waits as long by the machine's clock.
struct Steps(Mutex<Timestamp>);

impl Clock for Steps {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let left = at.since(self.now());
        #[expect(clippy::disallowed_methods, reason = "the clock that the services ask")]
        Box::pin(tokio::time::sleep(left))
    }
}
