//! Two replicas of rollup on one PostgreSQL, of which either is killed, or paused past its leases and
//! woken again, in the middle of a load (RELIABILITY T04): the other has taken over within five seconds of a
//! kill, and every figure of both is right to the last event. TALLY_TEST_KILLS=500 gives T04 its figure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::Uri;
use kernel::Position;
use tests::{
    Addresses, Flow, Line, Month, PATIENCE, Program, Stage, TRIAGE_AGENT, command, kills, track,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::Request;
use wire::common::v1::Outcome;
use wire::ingest::v1::Event;
use wire::ingest::v1::TaskCompleted;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::rollup::v1::report_service_client::ReportServiceClient;
use wire::rollup::v1::{
    CheckConservationRequest, Dimension, GetOverviewRequest, GetSavingsRequest, Measures,
};

/// Kills of a run, unless TALLY_TEST_KILLS says how many. Between two of them lies a pause.
const KILLS: usize = 3;
/// So many that both replicas have some of them at any time.
const WORKSPACES: usize = 12;
const STEPS: u32 = 10;
/// Between two batches of a workspace: a load that leaves a slow machine time to take over.
const BEAT: Duration = Duration::from_millis(200);
/// Leases last two seconds and are looked at three times in that. The figure is five seconds, printed and
/// taken on a quiet machine; beside other tests this only tells a takeover from none.
const TAKEN_OVER: Duration = Duration::from_secs(15);
/// A pause in the middle of a transaction keeps its rows locked until PostgreSQL ends the session, after 10
/// seconds.
const PAUSE_ENDED: Duration = Duration::from_secs(45);
/// Every other pause ends before that: the transaction goes on while somebody waits for its rows.
const PAUSE_CUT: Duration = Duration::from_secs(5);
/// Who does the steps that are looked for after a blow.
const PROBE: &str = "probe";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    Kill,
    Pause,
}

#[tokio::test(flavor = "multi_thread")]
async fn either_of_two_rollups_may_be_killed_or_paused_at_any_time() {
    let database = testkit::postgres::<ingest::Migrator>(ingest::NAME).await;
    let directory = tempfile::tempdir().unwrap();
    let mut fleet = Fleet::start(&database.settings().url, directory.path()).await;
    let first = Stage::set_beside(&fleet.addresses, directory.path()).await;
    let mut stages = vec![first];
    for number in 1..WORKSPACES {
        stages.push(stages[0].another(&format!("workspace {number}")).await);
    }
    let load = Load::begin(&stages);
    let mut slowest = Duration::ZERO;
    let rounds = 2 * kills(KILLS) - 1;
    for round in 0..rounds {
        let blow = if round % 2 == 0 { Blow::Kill } else { Blow::Pause };
        // Each gets both, and not the same one every time.
        let victim = round.div_ceil(2) % 2;
        // Long enough for the partitions to be shared again, and never at the same place of a beat.
        load.goes_on(WORKSPACES * (15 + round * 7 % 10) + round % WORKSPACES).await;
        let struck = Instant::now();
        fleet.strike(victim, blow);
        let survivor = fleet.uri(1 - victim);
        let wanted = join_all(stages.iter().map(|stage| probed(stage, round))).await;
        let reflected = stages.iter().zip(&wanted).map(|(stage, position)| async {
            reflects(stage, &survivor, position, round).await;
            struck.elapsed()
        });
        let patience = if blow == Blow::Pause && round % 4 == 1 { PAUSE_CUT } else { PAUSE_ENDED };
        match tokio::time::timeout(patience, join_all(reflected)).await {
            Ok(mut took) => {
                took.sort();
                println!("round {round}: {blow:?} of {victim}, reflected after {took:.2?}");
                if blow == Blow::Kill {
                    slowest = slowest.max(took[took.len() - 1]);
                }
            }
            // It keeps locked what nobody can take over before it goes on.
            Err(_) => assert_eq!(blow, Blow::Pause, "round {round}: nobody takes over"),
        }
        fleet.mend(victim, blow).await;
    }
    for flow in load.end().await {
        let digests = [
            is_exact(&flow, &fleet.uri(0), rounds).await,
            is_exact(&flow, &fleet.uri(1), rounds).await,
        ];
        assert_eq!(digests[0], digests[1]);
    }
    assert!(slowest <= TAKEN_OVER, "a kill was made up for after {slowest:?}");
}

/// Everything that runs.
struct Fleet {
    addresses: Addresses,
    url: String,
    directory: PathBuf,
    rollups: [Program; 2],
    _ledger: Program,
    _catalog: Program,
}

impl Fleet {
    async fn start(url: &str, directory: &Path) -> Self {
        let addresses = Addresses::free();
        let storage = [("TALLY_DATABASE_URL", url)];
        let migrated = command(&["migrate"], &addresses, directory, &storage, "");
        assert_eq!(migrated.code, Some(0), "{migrated:?}");
        let serve = |which| Program::serve_with(which, &addresses, directory, &storage);
        // The first makes the credential that all of them find in the directory.
        let mut catalog = serve("baseline-catalog");
        catalog.serving(&addresses.catalog()).await;
        let mut ledger = serve("ingest");
        ledger.serving(&addresses.ingest()).await;
        let rollups = [0, 1].map(|which| rollup(which, &addresses, url, directory));
        let (url, directory) = (url.to_owned(), directory.to_owned());
        let mut fleet =
            Self { addresses, url, directory, rollups, _ledger: ledger, _catalog: catalog };
        for which in [0, 1] {
            let uri = fleet.uri(which);
            fleet.rollups[which].serving(&uri).await;
        }
        fleet
    }

    fn uri(&self, which: usize) -> Uri {
        uri(which, &self.addresses)
    }

    fn strike(&mut self, which: usize, blow: Blow) {
        match blow {
            Blow::Kill => self.rollups[which].kill(),
            Blow::Pause => self.rollups[which].pause(),
        }
    }

    /// Returns when it serves again.
    async fn mend(&mut self, which: usize, blow: Blow) {
        match blow {
            Blow::Kill => {
                self.rollups[which] = rollup(which, &self.addresses, &self.url, &self.directory);
            }
            Blow::Pause => self.rollups[which].resume(),
        }
        let uri = self.uri(which);
        self.rollups[which].serving(&uri).await;
    }
}

fn uri(which: usize, addresses: &Addresses) -> Uri {
    if which == 0 { addresses.rollup() } else { addresses.second_rollup() }
}

fn rollup(which: usize, addresses: &Addresses, url: &str, directory: &Path) -> Program {
    let listen = uri(which, addresses).authority().unwrap().to_string();
    let vars = [("TALLY_DATABASE_URL", url), ("TALLY_ROLLUP_LISTEN", &listen)];
    Program::serve_with("rollup", addresses, directory, &vars)
}

/// A flow for each workspace, side by side.
struct Load {
    stop: watch::Sender<bool>,
    batches: watch::Sender<usize>,
    flows: Vec<JoinHandle<Flow>>,
}

impl Load {
    fn begin(stages: &[Stage]) -> Self {
        let (stop, batches) = (watch::Sender::new(false), watch::Sender::new(0));
        let flows = stages.iter().map(|stage| {
            let (mut flow, stop, batches) = (Flow::new(stage), stop.subscribe(), batches.clone());
            tokio::spawn(async move {
                let mut beat = tokio::time::interval(BEAT);
                beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                while !*stop.borrow() {
                    beat.tick().await;
                    flow.batch(STEPS).await.unwrap();
                    batches.send_modify(|count| *count += 1);
                }
                flow
            })
        });
        let flows = flows.collect();
        Self { stop, batches, flows }
    }

    /// Waits for so many more batches.
    async fn goes_on(&self, batches: usize) {
        let mut counted = self.batches.subscribe();
        let until = *counted.borrow() + batches;
        let reached = tokio::time::timeout(PATIENCE, counted.wait_for(|now| *now >= until)).await;
        reached.expect("the ledger takes the load, whatever becomes of rollup").unwrap();
    }

    async fn end(self) -> Vec<Flow> {
        self.stop.send_replace(true);
        join_all(self.flows).await.into_iter().map(Result::unwrap).collect()
    }
}

/// Tracks one more event; answers where it stands.
async fn probed(stage: &Stage, round: usize) -> String {
    let task = TaskCompleted {
        task_type: "ticket_routing".to_owned(),
        outcome: Outcome::Success.into(),
        ..Default::default()
    };
    let (seconds, nanos) = Month::start().parts();
    let event = Event {
        idempotency_key: format!("probe:{round}"),
        occurred_time: Some(wire::Timestamp { seconds, nanos }),
        agent_id: PROBE.to_owned(),
        body: Some(Body::TaskCompleted(task.into())),
        ..Default::default()
    };
    let mut ingest = IngestServiceClient::new(stage.channel(&stage.addresses.ingest()));
    track(&mut ingest, stage, vec![event]).await.unwrap().remove(0).position
}

/// Waits until this replica has the event of the round.
async fn reflects(stage: &Stage, replica: &Uri, position: &str, round: usize) {
    let (measures, as_of) = overview(stage, replica, PROBE, position).await;
    assert_eq!(measures.events, round as i64 + 1, "{replica}");
    let wanted: Position = position.parse().unwrap();
    assert!(as_of.seq >= wanted.seq, "{as_of} of {wanted}");
}

async fn overview(stage: &Stage, replica: &Uri, agent: &str, at: &str) -> (Measures, Position) {
    let query = Some(Month::query(agent, at));
    let mut request = Request::new(GetOverviewRequest { query, compare_previous: false });
    request.set_timeout(PAUSE_ENDED);
    let mut reports = ReportServiceClient::new(stage.channel(replica));
    let answer = reports.get_overview(request).await.unwrap_or_else(|status| {
        panic!("{replica} for {}: {status:?}", stage.workspace);
    });
    let overview = answer.into_inner().overview.unwrap();
    (overview.measures.unwrap(), overview.basis.unwrap().as_of.parse().unwrap())
}

/// Every figure of the workspace, as this replica has it; answers the digest of its cells.
async fn is_exact(flow: &Flow, replica: &Uri, rounds: usize) -> String {
    let (stage, at) = (&flow.stage, flow.position.as_str());
    let (whole, by_type) = flow.expected();
    let (measures, _) = overview(stage, replica, TRIAGE_AGENT, at).await;
    assert_eq!(Line::from(measures), whole, "{} at {replica}", stage.workspace);
    let (probes, _) = overview(stage, replica, PROBE, at).await;
    assert_eq!(probes.events, rounds as i64, "{} at {replica}", stage.workspace);

    let mut reports = ReportServiceClient::new(stage.channel(replica));
    let request = GetSavingsRequest {
        query: Some(Month::query(TRIAGE_AGENT, at)),
        dimensions: vec![Dimension::TaskType.into()],
        ..Default::default()
    };
    let report = reports.get_savings(request).await.unwrap().into_inner().report.unwrap();
    let rows = report.rows.into_iter();
    let rows: BTreeMap<String, Line> =
        rows.map(|row| (row.key[0].value.clone(), Line::from(row.measures.unwrap()))).collect();
    assert_eq!(rows, by_type, "{} at {replica}", stage.workspace);

    let query = Some(Month::query(TRIAGE_AGENT, at));
    let mut request = Request::new(CheckConservationRequest { query, recount_ledger: true });
    request.set_timeout(PAUSE_ENDED);
    let checked = reports.check_conservation(request).await.unwrap().into_inner();
    assert!(checked.holds, "{} at {replica}: {:?}", stage.workspace, checked.checks);
    checked.digest
}
