//! A value of the catalog from the moment it is set to the receipt it stands on.

use std::sync::Arc;
use std::time::Duration;

use chassis::Channel;
use kernel::Clock;
use testkit::FakeClock;
use tests::{Month, Stage, Storage, Suite};
use wire::catalog::v1 as pb;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::common::v1::Outcome;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::{
    BaselineSource, CostSource, Event, Receipt, TaskCompleted, TokenUsage, TrackRequest,
};

struct Story {
    ingest: IngestServiceClient<Channel>,
    catalog: CatalogServiceClient<Channel>,
}

impl Story {
    async fn begin(stage: &Stage) -> Self {
        let ingest = IngestServiceClient::new(stage.channel(&stage.addresses.ingest()));
        let catalog = CatalogServiceClient::new(stage.channel(&stage.addresses.catalog()));
        Self { ingest, catalog }
    }

    /// What a step is worth by the catalog `at_least` so new.
    async fn value(&mut self, task: TaskCompleted, at_least: &str) -> Receipt {
        let event = Event {
            agent_id: "support-triage".to_owned(),
            body: Some(Body::TaskCompleted(task.into())),
            ..Default::default()
        };
        let request = TrackRequest {
            event: Some(event),
            catalog_at_least: at_least.to_owned(),
            validate_only: true,
        };
        self.ingest.track(request).await.unwrap().into_inner().receipt.unwrap()
    }

    /// Sets a baseline; answers the version of the catalog in which it stands.
    async fn set_minutes(
        &mut self,
        task_type: &str,
        minutes: i64,
        effective_time: Option<wire::Timestamp>,
    ) -> String {
        let key = pb::BaselineKey { task_type: task_type.to_owned(), ..Default::default() };
        let request = pb::SetBaselineRequest {
            key: Some(key),
            baseline_ms: minutes * 60_000,
            effective_time,
            reason: "Measured".to_owned(),
            ..Default::default()
        };
        self.catalog.set_baseline(request).await.unwrap().into_inner().catalog_version
    }

    async fn import(&mut self, document: &str) -> String {
        let request = pb::ImportPackRequest {
            document_yaml: document.to_owned(),
            reason: "The story".to_owned(),
            ..Default::default()
        };
        self.catalog.import_pack(request).await.unwrap().into_inner().catalog_version
    }
}

fn task(task_type: &str) -> TaskCompleted {
    TaskCompleted {
        task_type: task_type.to_owned(),
        outcome: Outcome::Success.into(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_catalog_is_told_stands_on_the_next_receipt() {
    let suite = Suite::on_sqlite().await;
    let stage = Stage::set(&suite.addresses).await;
    let mut story = Story::begin(&stage).await;

    let before = story.value(task("email_classification"), &stage.catalog_version).await;
    assert_eq!(before.valuation.unwrap().baseline_ms, 240_000);
    let pack = "\
pack: story
task_types: [{task_type: chat_triage, aliases: [{alias: chat_triage_nl, language: nl}]}]
baselines:
  - {task_type: email_classification, effort: 5m}
  - {task_type: chat_triage, effort: 90s}
  - {task_type: chat_triage, language: nl, effort: 3m}
model_prices:
  - model: gpt-4o(-mini)?
    model_match: regex
    tier: small
    currency_code: USD
    token_prices: [{token_kind: input, per_million_tokens: 2.50}]
fx_rates: [{base_currency_code: USD, quote_currency_code: EUR, rate: 0.92, rate_source: a test}]
";
    let version = story.import(pack).await;
    let valued = story.value(task("email_classification"), &version).await.valuation.unwrap();
    assert_eq!((valued.baseline_ms, valued.baseline_source()), (300_000, BaselineSource::Override));
    let dutch = story.value(task("chat_triage_nl"), &version).await.valuation.unwrap();
    assert_eq!((dutch.baseline_ms, dutch.baseline_source()), (180_000, BaselineSource::Custom));
    let tokens = Some(TokenUsage { input: 1_000, ..Default::default() });
    let model = "gpt-4o-mini".to_owned();
    let priced =
        story.value(TaskCompleted { model, tokens, ..task("chat_triage") }, &version).await;
    let valuation = priced.valuation.unwrap();
    assert_eq!(valuation.cost_source(), CostSource::Computed);
    assert_eq!(valuation.converted_cost.unwrap().micros, 2_300);

    // An archived type is refused by name, the next time ingest hears of it.
    let archive = pb::ArchiveTaskTypeRequest {
        task_type: "chat_triage".to_owned(),
        reason: "We closed the chat".to_owned(),
        ..Default::default()
    };
    let archived = story.catalog.archive_task_type(archive).await.unwrap().into_inner();
    let request = TrackRequest {
        event: Some(Event {
            agent_id: "a".to_owned(),
            body: Some(Body::TaskCompleted(task("chat_triage").into())),
            ..Default::default()
        }),
        catalog_at_least: archived.catalog_version,
        validate_only: true,
    };
    let refused = story.ingest.track(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert!(refused.message().contains("\"chat_triage\" is not a task type"), "{refused}");
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_of_the_seed_month_has_its_minutes_at_85_euros_on_its_receipt() {
    let suite = Suite::on_sqlite().await;
    let stage = Stage::set(&suite.addresses).await;
    let mut story = Story::begin(&stage).await;
    let mut receipts = Vec::new();
    for event in Month::steps().into_iter().take(3) {
        let request = TrackRequest {
            event: Some(event),
            catalog_at_least: stage.catalog_version.clone(),
            validate_only: false,
        };
        let receipt = story.ingest.track(request).await.unwrap().into_inner().receipt.unwrap();
        let valuation = receipt.valuation.unwrap();
        let rate = (valuation.rate_micros_per_hour, valuation.currency_code.as_str());
        assert_eq!(rate, (85_000_000, "EUR"));
        assert_eq!(valuation.rate_version, stage.catalog_version);
        assert_eq!(valuation.baseline_version, "builtin@1");
        let saved = receipt.cost_saved.unwrap().micros;
        let net = receipt.net_saved.unwrap().micros;
        receipts.push((valuation.credited_ms / 60_000, saved, saved - net));
    }
    // 4, 2 and 8 minutes of an hour that costs EUR 85, and EUR 0.012 of an agent each.
    let expected = [(4, 5_666_667, 12_000), (2, 2_833_333, 12_000), (8, 11_333_333, 12_000)];
    assert_eq!(receipts, expected);
    suite.stop().await;
}

/// On two replicas of the catalog and two of ingest, and by a clock that moves a second and no further.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_in_force_at_every_replica_within_a_second() {
    const STEP: Duration = Duration::from_millis(250);
    const LOOK: Duration = Duration::from_millis(50);
    let database = testkit::postgres::<ingest::Migrator>(ingest::NAME).await;
    let storage = Storage { database_url: Some(database.settings().url.clone()), redis_url: None };
    let clock = Arc::new(FakeClock::default());
    let replica = || Suite::by(Arc::clone(&clock) as Arc<dyn Clock>, storage.clone());
    let (one, other) = (replica().await, replica().await);
    let here = Stage::set(&one.addresses).await;
    let mut there = here.clone();
    there.addresses = other.addresses.clone();
    let version = Story::begin(&here).await.set_minutes("ticket_routing", 3, None).await;

    let mut left = 4;
    for stage in [&here, &there] {
        let mut story = Story::begin(stage).await;
        let mut valued = std::pin::pin!(story.value(task("ticket_routing"), &version));
        let receipt = loop {
            match tokio::time::timeout(LOOK, &mut valued).await {
                Ok(receipt) => break receipt,
                Err(_) if left > 0 => {
                    clock.advance(STEP);
                    left -= 1;
                }
                Err(_) => {}
            }
        };
        assert_eq!(receipt.valuation.unwrap().baseline_ms, 180_000);
    }
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_of_tomorrow_changes_nothing_today_and_does_tomorrow() {
    let clock = Arc::new(FakeClock::default());
    let suite = Suite::by(Arc::clone(&clock) as Arc<dyn Clock>, Storage::default()).await;
    let stage = Stage::set(&suite.addresses).await;
    let mut story = Story::begin(&stage).await;
    let day = Duration::from_secs(24 * 60 * 60);
    let tomorrow = clock.now().plus(day).parts().into();
    let version = story.set_minutes("email_classification", 5, Some(tomorrow)).await;
    let mut minutes = Vec::new();
    for _ in 0..2 {
        let receipt = story.value(task("email_classification"), &version).await;
        minutes.push(receipt.valuation.unwrap().baseline_ms / 60_000);
        clock.advance(day);
    }
    assert_eq!(minutes, [4, 5]);
    suite.stop().await;
}
