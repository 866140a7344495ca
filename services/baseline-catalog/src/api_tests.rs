//! The catalog as its callers see it: a real server, a real channel, a clock that stands still,
//! both databases.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chassis::Channel;
use chassis::config::Reader;
use fault::ErrorReason;
use kernel::{Clock, Timestamp, WorkspaceId};
use testkit::{FakeClock, Server, TestDb};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;
use wire::catalog::v1 as pb;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::common::v1::{Position, Scope};

use crate::{Config, Migrator, NAME};

type Client = CatalogServiceClient<Channel>;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

macro_rules! on_both_databases {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $case() {
                let database = testkit::sqlite::<crate::Migrator>(crate::NAME).await;
                super::$case(super::Harness::on(database)).await;
            })+
        }
        mod postgres {
            $(#[tokio::test] async fn $case() {
                let database = testkit::postgres::<crate::Migrator>(crate::NAME).await;
                super::$case(super::Harness::on(database)).await;
            })+
        }
    };
}

mod packs;
mod settings;
mod task_types;

on_both_databases![
    the_four_built_ins_are_listed_with_their_source,
    a_rate_holds_from_its_moment_and_is_set_once_for_each_request_id,
    an_override_of_tomorrow_changes_nothing_today,
    a_back_dated_change_says_what_it_displaces,
    of_two_edits_of_one_version_the_second_is_aborted,
    a_preview_writes_nothing,
    workspaces_do_not_see_each_other,
    a_watcher_gets_the_built_ins_the_snapshot_and_every_change,
    a_watcher_goes_on_where_it_stopped,
    a_watcher_misses_no_change_of_concurrent_writers,
    a_change_of_another_replica_is_found_within_a_quarter_second,
];

struct Harness {
    clock: Arc<FakeClock>,
    database: TestDb,
}

impl Harness {
    fn on(database: TestDb) -> Self {
        Self { clock: Arc::new(FakeClock::default()), database }
    }

    /// One replica; each has a context of its own.
    async fn serve(&self) -> Server {
        let context = testkit::context(Arc::clone(&self.clock) as Arc<dyn Clock>);
        let vars = BTreeMap::from([("TALLY_DATABASE_URL", self.database.settings().url.as_str())]);
        let mut reader = Reader::new(&vars, "CATALOG");
        let config = Config::read(&mut reader);
        reader.finish().unwrap();
        testkit::serve(crate::start(config, &context).await.unwrap(), &context).await
    }

    fn in_days(&self, days: i64) -> Option<wire::Timestamp> {
        let at = Timestamp::from_micros(self.clock.now().micros() + days * DAY.as_micros() as i64);
        Some(at.parts().into())
    }
}

fn workspace(number: i64) -> WorkspaceId {
    WorkspaceId::new(number).unwrap()
}

fn admin(server: &Server) -> Client {
    Client::new(server.channel_for(workspace(1), &[Scope::Admin]))
}

fn watcher(server: &Server) -> Client {
    Client::new(server.service_channel())
}

fn euros(euros: i64) -> pb::SetHourlyRateRequest {
    pb::SetHourlyRateRequest {
        rate_micros_per_hour: euros * 1_000_000,
        currency_code: "EUR".to_owned(),
        reason: "Payroll 2026".to_owned(),
        ..Default::default()
    }
}

fn key(task_type: &str) -> pb::BaselineKey {
    pb::BaselineKey { task_type: task_type.to_owned(), ..Default::default() }
}

fn minutes(task_type: &str, minutes: i64) -> pb::SetBaselineRequest {
    pb::SetBaselineRequest {
        key: Some(key(task_type)),
        baseline_ms: minutes * 60_000,
        reason: "Measured".to_owned(),
        ..Default::default()
    }
}

async fn set(client: &mut Client, request: pb::SetHourlyRateRequest) -> pb::SetHourlyRateResponse {
    client.set_hourly_rate(request).await.unwrap().into_inner()
}

async fn default_rate_at(client: &mut Client, at_time: Option<wire::Timestamp>) -> i64 {
    let request = pb::ListHourlyRatesRequest { at_time, ..Default::default() };
    let rates = client.list_hourly_rates(request).await.unwrap().into_inner().hourly_rates;
    let default = rates.iter().find(|rate| rate.agent_id.is_empty() && rate.team_id.is_empty());
    default.unwrap().rate_micros_per_hour
}

async fn resolve(
    client: &mut Client,
    task_type: &str,
    at_time: Option<wire::Timestamp>,
) -> pb::ResolvedBaseline {
    let request =
        pb::ResolveBaselinesRequest { keys: vec![key(task_type)], at_time, ..Default::default() };
    client.resolve_baselines(request).await.unwrap().into_inner().results.remove(0)
}

fn baseline(resolved: pb::ResolvedBaseline) -> pb::Baseline {
    match resolved.result.unwrap() {
        pb::resolved_baseline::Result::Baseline(baseline) => baseline,
        other => panic!("{other:?}"),
    }
}

fn reason(status: &Status) -> ErrorReason {
    fault::reason_of(status).unwrap()
}

async fn the_four_built_ins_are_listed_with_their_source(h: Harness) {
    let server = h.serve().await;
    let mut client = Client::new(server.channel_for(workspace(1), &[Scope::Report]));
    let first = pb::ListTaskTypesRequest { page_size: 3, ..Default::default() };
    let first = client.list_task_types(first).await.unwrap().into_inner();
    let page_token = first.next_page_token.clone();
    let next = pb::ListTaskTypesRequest { page_size: 3, page_token, ..Default::default() };
    let next = client.list_task_types(next).await.unwrap().into_inner();
    assert_eq!(next.next_page_token, "");

    let mut minutes = Vec::new();
    for listed in first.task_types.into_iter().chain(next.task_types) {
        let (task_type, baseline) = (listed.task_type.unwrap(), listed.baseline.unwrap());
        assert_eq!(task_type.origin(), pb::TaskTypeOrigin::BuiltIn);
        assert_eq!(baseline.source(), pb::BaselineSource::BuiltIn);
        assert_eq!(baseline.version.as_ref().unwrap().version_id, "builtin@1");
        assert!(baseline.citation.contains("Track customer support"));
        minutes.push((task_type.task_type, baseline.baseline_ms / 60_000));
    }
    let expected = [
        ("customer_email_draft", 8),
        ("duplicate_detection", 3),
        ("email_classification", 4),
        ("ticket_routing", 2),
    ];
    assert_eq!(minutes, expected.map(|(key, minutes)| (key.to_owned(), minutes)));
}

async fn a_rate_holds_from_its_moment_and_is_set_once_for_each_request_id(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    assert_eq!(default_rate_at(&mut client, None).await, 45_000_000);

    let request = pb::SetHourlyRateRequest {
        request_id: "demo-rate".to_owned(),
        effective_time: h.in_days(-31),
        ..euros(85)
    };
    let first = set(&mut client, request.clone()).await;
    assert!(!first.catalog_version.is_empty());
    let version = first.hourly_rate.clone().unwrap().version.unwrap();
    assert_eq!((version.version_id.as_str(), version.number), (first.catalog_version.as_str(), 1));
    assert_eq!((version.actor.as_str(), version.reason.as_str()), ("test-key", "Payroll 2026"));
    assert_eq!(set(&mut client, request.clone()).await, first);
    assert_eq!(default_rate_at(&mut client, h.in_days(-31)).await, 85_000_000);
    assert_eq!(default_rate_at(&mut client, h.in_days(-32)).await, 45_000_000);

    let other = pb::SetHourlyRateRequest { rate_micros_per_hour: 1, ..request };
    let refused = client.set_hourly_rate(other).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::AlreadyExists, ErrorReason::RequestIdReused)
    );

    let agent = pb::SetHourlyRateRequest { agent_id: "support-triage".to_owned(), ..euros(60) };
    set(&mut client, agent).await;
    let history = pb::ListHourlyRatesRequest { include_history: true, ..Default::default() };
    let history = client.list_hourly_rates(history).await.unwrap().into_inner().hourly_rates;
    let told: Vec<_> =
        history.iter().map(|r| (r.agent_id.as_str(), r.rate_micros_per_hour / 1_000_000)).collect();
    assert_eq!(told, [("support-triage", 60), ("", 85), ("", 45)]);
}

async fn an_override_of_tomorrow_changes_nothing_today(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let request = pb::SetBaselineRequest {
        effective_time: h.in_days(1),
        ..minutes("email_classification", 5)
    };
    let set = client.set_baseline(request).await.unwrap().into_inner();
    assert_eq!(set.baseline.unwrap().original_baseline_ms, Some(240_000));

    let today = baseline(resolve(&mut client, "email_classification", None).await);
    assert_eq!((today.baseline_ms, today.source()), (240_000, pb::BaselineSource::BuiltIn));
    let tomorrow = baseline(resolve(&mut client, "email_classification", h.in_days(1)).await);
    assert_eq!((tomorrow.baseline_ms, tomorrow.source()), (300_000, pb::BaselineSource::Override));
    // An alias is its type in its language; the general override holds for it too.
    let alias = baseline(resolve(&mut client, "email_classification_nl", h.in_days(1)).await);
    assert_eq!(alias.baseline_ms, 300_000);

    let request = pb::GetBaselineHistoryRequest {
        key: Some(key("email_classification")),
        ..Default::default()
    };
    let history = client.get_baseline_history(request).await.unwrap().into_inner().baselines;
    assert_eq!(history.iter().map(|b| b.baseline_ms).collect::<Vec<_>>(), [300_000, 240_000]);

    let request = pb::GetTaskTypeRequest {
        task_type: "email_classification_nl".to_owned(),
        ..Default::default()
    };
    let found = client.get_task_type(request).await.unwrap().into_inner();
    assert_eq!(found.task_type.unwrap().task_type, "email_classification");
    assert_eq!(found.baselines[0].baseline_ms, 240_000);
}

async fn a_back_dated_change_says_what_it_displaces(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let first =
        set(&mut client, pb::SetHourlyRateRequest { effective_time: h.in_days(-30), ..euros(80) })
            .await;
    assert_eq!(first.displaced_versions, []);
    set(&mut client, pb::SetHourlyRateRequest { effective_time: h.in_days(-1), ..euros(90) }).await;
    let between = pb::SetHourlyRateRequest { effective_time: h.in_days(-10), ..euros(85) };
    let between = set(&mut client, between).await.displaced_versions;
    let expected = pb::DisplacedVersion {
        version_id: first.catalog_version,
        start_time: h.in_days(-10),
        end_time: h.in_days(-1),
    };
    assert_eq!(between, [expected]);
    assert_eq!(default_rate_at(&mut client, None).await, 90_000_000);
}

async fn of_two_edits_of_one_version_the_second_is_aborted(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let guessed =
        pb::SetHourlyRateRequest { expected_version_id: "rate@7".to_owned(), ..euros(80) };
    let refused = client.set_hourly_rate(guessed).await.unwrap_err();
    let details = refused.get_details_error_info().unwrap();
    let stands = details.metadata["current_version"].clone();
    assert!(stands.starts_with("builtin@"), "{stands}");
    let first = pb::SetHourlyRateRequest { expected_version_id: stands, ..euros(80) };
    let expected_version_id = set(&mut client, first).await.catalog_version;
    let won =
        pb::SetHourlyRateRequest { expected_version_id: expected_version_id.clone(), ..euros(85) };
    let won = set(&mut client, won).await;
    let lost = pb::SetHourlyRateRequest { expected_version_id, ..euros(90) };
    let lost = client.set_hourly_rate(lost).await.unwrap_err();
    assert_eq!((lost.code(), reason(&lost)), (Code::Aborted, ErrorReason::VersionLost));
    let details = lost.get_details_error_info().unwrap();
    assert_eq!(details.metadata["current_version"], won.catalog_version);
    assert_eq!(default_rate_at(&mut client, None).await, 85_000_000);
}

async fn a_preview_writes_nothing(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let base = set(&mut client, euros(80)).await.catalog_version;
    let preview = pb::SetHourlyRateRequest { validate_only: true, ..euros(85) };
    let preview = set(&mut client, preview).await;
    assert_eq!(preview.catalog_version, "");
    assert_eq!(preview.displaced_versions[0].version_id, base);
    assert_eq!(default_rate_at(&mut client, None).await, 80_000_000);
}

async fn workspaces_do_not_see_each_other(h: Harness) {
    let server = h.serve().await;
    set(&mut admin(&server), euros(85)).await;
    // 1 and 2 share a partition.
    let mut other = Client::new(server.channel_for(workspace(2), &[Scope::Report]));
    assert_eq!(default_rate_at(&mut other, None).await, 45_000_000);
}

/// Messages up to and with the one that completes the snapshot.
async fn snapshot(stream: &mut Streaming<pb::WatchResponse>) -> (Vec<pb::Change>, Vec<Position>) {
    let mut changes = Vec::new();
    loop {
        let message = stream.message().await.unwrap().unwrap();
        changes.extend(message.changes);
        if message.snapshot_complete {
            return (changes, message.heads);
        }
    }
}

fn rates(changes: &[pb::Change]) -> Vec<i64> {
    let rate = |change: &pb::Change| match change.body.as_ref()? {
        pb::change::Body::HourlyRate(rate) if !change.workspace_id.is_empty() => {
            Some(rate.rate_micros_per_hour / 1_000_000)
        }
        _ => None,
    };
    changes.iter().filter_map(rate).collect()
}

async fn a_watcher_gets_the_built_ins_the_snapshot_and_every_change(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    set(&mut client, euros(80)).await;
    let mut stream =
        watcher(&server).watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    let (changes, heads) = snapshot(&mut stream).await;

    let built_in = changes.iter().take_while(|change| change.workspace_id.is_empty()).count();
    // Four types with their baselines, the default rate, policy and reporting defaults; then the
    // workspace's own.
    assert_eq!((built_in, changes.len()), (11, 12));
    let own = &changes[11];
    assert_eq!(own.workspace_id, workspace(1).to_string());
    let position = own.position.unwrap();
    assert_eq!(heads, [position]);

    set(&mut client, euros(85)).await;
    let live = stream.message().await.unwrap().unwrap();
    assert_eq!(rates(&live.changes), [85]);
    assert_eq!(live.changes[0].position.unwrap().seq, position.seq + 1);
    assert!(!live.snapshot_complete);

    assert!(server.stop().await);
    let ended = stream.message().await.unwrap_err();
    assert_eq!((ended.code(), reason(&ended)), (Code::Unavailable, ErrorReason::ShuttingDown));
}

async fn a_watcher_goes_on_where_it_stopped(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    set(&mut client, euros(80)).await;
    let mut stream =
        watcher(&server).watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    let (_, cursors) = snapshot(&mut stream).await;
    drop(stream);
    set(&mut client, euros(85)).await;
    let mut stream = watcher(&server)
        .watch(pb::WatchRequest { cursors: cursors.clone() })
        .await
        .unwrap()
        .into_inner();
    let (changes, heads) = snapshot(&mut stream).await;
    assert_eq!(rates(&changes), [85]);

    let ahead = vec![Position { seq: heads[0].seq + 1, ..heads[0] }];
    let refused = watcher(&server).watch(pb::WatchRequest { cursors: ahead }).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
}

async fn a_watcher_misses_no_change_of_concurrent_writers(h: Harness) {
    const WRITERS: i64 = 8;
    const EACH: i64 = 10;
    let server = h.serve().await;
    let mut stream =
        watcher(&server).watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    snapshot(&mut stream).await;
    let writers: Vec<_> = (1..=WRITERS)
        .map(|writer| {
            let mut client = Client::new(server.channel_for(workspace(writer), &[Scope::Admin]));
            tokio::spawn(async move {
                for change in 1..=EACH {
                    set(&mut client, euros(change)).await;
                }
            })
        })
        .collect();
    let mut seen: BTreeMap<i32, i64> = BTreeMap::new();
    for _ in 0..WRITERS * EACH {
        // Messages may carry several changes; the sum ends the loop below.
        if seen.values().sum::<i64>() == WRITERS * EACH {
            break;
        }
        for change in stream.message().await.unwrap().unwrap().changes {
            let position = change.position.unwrap();
            let last = seen.entry(position.partition).or_default();
            assert_eq!(position.seq, *last + 1);
            *last = position.seq;
        }
    }
    assert_eq!(seen.values().sum::<i64>(), WRITERS * EACH);
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn a_change_of_another_replica_is_found_within_a_quarter_second(h: Harness) {
    let (here, there) = (h.serve().await, h.serve().await);
    let mut stream = watcher(&here).watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    snapshot(&mut stream).await;
    h.clock.sleepers(1).await;
    set(&mut admin(&there), euros(85)).await;
    h.clock.advance(Duration::from_millis(250));
    assert_eq!(rates(&stream.message().await.unwrap().unwrap().changes), [85]);
}

#[tokio::test]
async fn every_wrong_field_of_a_request_is_named_at_once() {
    let h = Harness::on(testkit::sqlite::<Migrator>(NAME).await);
    let server = h.serve().await;
    let request = pb::SetHourlyRateRequest {
        agent_id: "a".to_owned(),
        team_id: "t".to_owned(),
        rate_micros_per_hour: -1,
        currency_code: "euro".to_owned(),
        effective_time: h.in_days(-400),
        ..Default::default()
    };
    let refused = admin(&server).set_hourly_rate(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_details_bad_request().unwrap();
    let mut fields: Vec<_> = details.field_violations.iter().map(|v| v.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        ["currency_code", "effective_time", "rate_micros_per_hour", "reason", "team_id"]
    );

    let request = minutes("email_classification", 25 * 60);
    let refused = admin(&server).set_baseline(request).await.unwrap_err();
    assert!(refused.message().contains("86,400,000"), "{refused}");
}

#[tokio::test]
async fn an_unknown_task_type_is_refused_with_the_nearest_name() {
    let h = Harness::on(testkit::sqlite::<Migrator>(NAME).await);
    let server = h.serve().await;
    let mut client = admin(&server);
    let request = pb::GetTaskTypeRequest {
        task_type: "email_clasification".to_owned(),
        ..Default::default()
    };
    let refused = client.get_task_type(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::NotFound, ErrorReason::UnknownTaskType));
    assert!(refused.message().contains("did you mean email_classification?"), "{refused}");
    let nearest = &refused.get_details_error_info().unwrap().metadata["nearest"];
    assert!(nearest.starts_with("email_classification"), "{nearest}");

    let refused = client.set_baseline(minutes("email_clasification", 5)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let resolved = resolve(&mut client, "email_clasification", None).await;
    assert!(matches!(resolved.result, Some(pb::resolved_baseline::Result::Unknown(_))));
}

#[tokio::test]
async fn nobody_gets_in_without_the_scope_the_call_needs() {
    let h = Harness::on(testkit::sqlite::<Migrator>(NAME).await);
    let server = h.serve().await;
    let mut nobody = Client::new(server.channel_with_key(None));
    let refused = nobody.list_task_types(pb::ListTaskTypesRequest::default()).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::Unauthenticated, ErrorReason::MissingCredentials)
    );
    let mut reader = Client::new(server.channel_for(workspace(1), &[Scope::Report]));
    let refused = reader.set_hourly_rate(euros(85)).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::PermissionDenied, ErrorReason::InsufficientScope)
    );
    let refused = admin(&server).watch(pb::WatchRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}
