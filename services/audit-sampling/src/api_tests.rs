//! Audit sampling as its callers see it: a real server over a ledger of the test's own, both
//! databases.

mod ledger;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chassis::Channel;
use chassis::config::Reader;
use fault::ErrorReason;
use hmac::{Hmac, Mac};
use kernel::{Clock, EventId, Position, WorkspaceId};
use sha2::{Digest, Sha256};
use testkit::{FakeClock, Server, TestDb};
use tonic::Code;
use wire::audit::v1 as pb;
use wire::audit::v1::sampling_service_client::SamplingServiceClient;
use wire::common::v1::Scope;

use self::ledger::Ledger;
use crate::{Config, Migrator, NAME};

type Client = SamplingServiceClient<Channel>;

macro_rules! on_both_databases {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $case() {
                let database = testkit::sqlite::<crate::Migrator>(crate::NAME).await;
                super::$case(super::Harness::on(database).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test] async fn $case() {
                let database = testkit::postgres::<crate::Migrator>(crate::NAME).await;
                super::$case(super::Harness::on(database).await).await;
            })+
        }
    };
}

on_both_databases![
    what_was_drawn_can_be_drawn_again_from_the_published_salt,
    a_restart_draws_nothing_twice_and_leaves_nothing_out,
];

struct Harness {
    clock: Arc<FakeClock>,
    database: TestDb,
    ledger: Ledger,
}

impl Harness {
    async fn on(database: TestDb) -> Self {
        let clock = Arc::new(FakeClock::default());
        let ledger = Ledger::serve(workspace(), Arc::clone(&clock) as Arc<dyn Clock>).await;
        Self { clock, database, ledger }
    }

    async fn on_sqlite() -> Self {
        Self::on(testkit::sqlite::<Migrator>(NAME).await).await
    }

    async fn serve(&self) -> Server {
        let context = testkit::context(Arc::clone(&self.clock) as Arc<dyn Clock>);
        let ledger = self.ledger.uri().to_string();
        let vars = BTreeMap::from([
            ("TALLY_DATABASE_URL", self.database.settings().url.as_str()),
            ("TALLY_INGEST_URL", ledger.as_str()),
        ]);
        let mut reader = Reader::new(&vars, "AUDIT");
        let config = Config::read(&mut reader);
        reader.finish().unwrap();
        testkit::serve(crate::start(config, &context).await.unwrap(), &context).await
    }
}

fn workspace() -> WorkspaceId {
    WorkspaceId::new(1).unwrap()
}

fn reviewer(server: &Server) -> Client {
    Client::new(server.channel_for(workspace(), &[Scope::Review, Scope::Report]))
}

/// Every sample of what the ledger holds up to `seq`, page by page.
async fn samples(client: &mut Client, seq: i64) -> Vec<pb::Sample> {
    let at_least = Position { partition: workspace().partition(), seq }.to_string();
    let (mut samples, mut page_token) = (Vec::new(), String::new());
    loop {
        let at_least = at_least.clone();
        let request =
            pb::ListSamplesRequest { page_size: 40, page_token, at_least, ..Default::default() };
        let answer = client.list_samples(request).await.unwrap().into_inner();
        let reflects: Position = answer.reflects.parse().unwrap();
        assert!(reflects.seq >= seq);
        samples.extend(answer.samples);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return samples;
        }
    }
}

async fn periods(client: &mut Client) -> Vec<pb::SamplingPeriod> {
    client.list_periods(pb::ListPeriodsRequest::default()).await.unwrap().into_inner().periods
}

fn ids(samples: &[pb::Sample]) -> BTreeSet<String> {
    let ids: BTreeSet<String> = samples.iter().map(|sample| sample.event_id.clone()).collect();
    assert_eq!(ids.len(), samples.len(), "no sample twice");
    ids
}

async fn what_was_drawn_can_be_drawn_again_from_the_published_salt(h: Harness) {
    const TASKS: i64 = 2_000;
    h.ledger.add_tasks(TASKS);
    let server = h.serve().await;
    let mut client = reviewer(&server);
    let drawn = samples(&mut client, TASKS).await;
    // 100 expected; five standard deviations are 49.
    assert!((51..=149).contains(&drawn.len()), "{}", drawn.len());
    let sample = &drawn[0];
    assert_eq!((sample.agent_id.as_str(), sample.language.as_str()), ("support-triage", "nl"));
    assert_eq!(
        (sample.plan_id.as_str(), sample.inclusion_probability_millionths),
        ("default", 50_000)
    );
    assert_eq!(sample.state(), pb::SampleState::AwaitingExchange);

    let before = periods(&mut client).await.remove(0);
    assert_eq!(before.salt, [0u8; 0], "nobody may know it while the week runs");
    h.clock.advance(Duration::from_secs(9 * 24 * 60 * 60));
    let after = periods(&mut client).await.remove(0);
    assert_eq!(after.salt_hash, before.salt_hash);
    assert_eq!(after.salt_hash, Sha256::digest(&after.salt).to_vec());
    let counted = &after.strata[0];
    assert_eq!((counted.stratum.as_str(), counted.considered_count), ("language=nl", TASKS));
    assert_eq!(counted.drawn_count, drawn.len() as i64);

    let again: BTreeSet<String> = (1..=TASKS)
        .map(|seq| EventId(Position { partition: workspace().partition(), seq }).to_string())
        .filter(|event| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&after.salt).unwrap();
            mac.update(event.as_bytes());
            let number = u64::from_be_bytes(mac.finalize().into_bytes()[..8].try_into().unwrap());
            (number as f64) / 2f64.powi(64) < 0.05
        })
        .collect();
    assert_eq!(ids(&drawn), again);
}

async fn a_restart_draws_nothing_twice_and_leaves_nothing_out(h: Harness) {
    h.ledger.add_tasks(700);
    let server = h.serve().await;
    let first = ids(&samples(&mut reviewer(&server), 700).await);
    assert!(server.stop().await);

    h.ledger.add_other_kinds(50);
    h.ledger.add_tasks(700);
    let server = h.serve().await;
    let mut client = reviewer(&server);
    let all = ids(&samples(&mut client, 1_450).await);
    assert!(first.is_subset(&all) && first.len() < all.len());
    let counted = &periods(&mut client).await[0].strata;
    assert_eq!(counted.iter().map(|stratum| stratum.considered_count).sum::<i64>(), 1_400);
}

#[tokio::test]
async fn samples_are_filtered_by_agent_task_type_and_state() {
    let h = Harness::on_sqlite().await;
    h.ledger.add_tasks(400);
    let server = h.serve().await;
    let mut client = reviewer(&server);
    let all = samples(&mut client, 400).await.len();
    for (request, expected) in [
        (
            pb::ListSamplesRequest { agent_id: "support-triage".to_owned(), ..Default::default() },
            all,
        ),
        (pb::ListSamplesRequest { agent_id: "other".to_owned(), ..Default::default() }, 0),
        (
            pb::ListSamplesRequest { task_type: "ticket_routing".to_owned(), ..Default::default() },
            0,
        ),
        (
            pb::ListSamplesRequest { state: pb::SampleState::Settled.into(), ..Default::default() },
            0,
        ),
        (
            pb::ListSamplesRequest {
                state: pb::SampleState::AwaitingExchange.into(),
                ..Default::default()
            },
            all,
        ),
    ] {
        let found = client.list_samples(request.clone()).await.unwrap().into_inner().samples.len();
        assert_eq!(found, expected, "{request:?}");
    }
    // Another workspace of the same partition sees none of them.
    let other = WorkspaceId::new(2).unwrap();
    assert_eq!(other.partition(), workspace().partition());
    let mut other = Client::new(server.channel_for(other, &[Scope::Review]));
    let found = other.list_samples(pb::ListSamplesRequest::default()).await.unwrap().into_inner();
    assert_eq!(found.samples, []);
}

#[tokio::test]
async fn bad_requests_name_their_fields() {
    let h = Harness::on_sqlite().await;
    let server = h.serve().await;
    let mut client = reviewer(&server);
    let elsewhere = Position { partition: WorkspaceId::new(3).unwrap().partition(), seq: 1 };
    for (request, field) in [
        (pb::ListSamplesRequest { page_size: -1, ..Default::default() }, "page_size"),
        (pb::ListSamplesRequest { page_token: "x".to_owned(), ..Default::default() }, "page_token"),
        (pb::ListSamplesRequest { state: 99, ..Default::default() }, "state"),
        (
            pb::ListSamplesRequest { window: Some(Default::default()), ..Default::default() },
            "window",
        ),
        (pb::ListSamplesRequest { at_least: "soon".to_owned(), ..Default::default() }, "at_least"),
        (
            pb::ListSamplesRequest { at_least: elsewhere.to_string(), ..Default::default() },
            "at_least",
        ),
    ] {
        let refused = client.list_samples(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
        assert!(refused.message().starts_with(field), "{refused}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_fresh_in_time_says_so() {
    let h = Harness::on_sqlite().await;
    let server = h.serve().await;
    let at_least = Position { partition: workspace().partition(), seq: 9 }.to_string();
    let mut request =
        tonic::Request::new(pb::ListSamplesRequest { at_least, ..Default::default() });
    request.set_timeout(Duration::from_millis(400));
    let refused = reviewer(&server).list_samples(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded);
    assert_eq!(fault::reason_of(&refused), Some(ErrorReason::NotYetConsumed));
}

#[tokio::test]
async fn the_default_plan_is_there_and_the_rest_is_said_to_be_missing() {
    let h = Harness::on_sqlite().await;
    let server = h.serve().await;
    let mut client = reviewer(&server);
    let plan =
        client.get_plan(pb::GetPlanRequest::default()).await.unwrap().into_inner().plan.unwrap();
    assert_eq!((plan.plan_id.as_str(), plan.rate_millionths), ("default", 50_000));
    let unknown = pb::GetPlanRequest { plan_id: "strict".to_owned() };
    assert_eq!(client.get_plan(unknown).await.unwrap_err().code(), Code::NotFound);
    let refused = client.claim_sample(pb::ClaimSampleRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(fault::reason_of(&refused), Some(ErrorReason::NotImplemented));
    let mut nobody = Client::new(server.channel_with_key(None));
    let refused = nobody.get_plan(pb::GetPlanRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}
