//! A value of the catalog from the moment it is set to the receipt it stands on.

use chassis::Channel;
use tests::{Stage, Suite, eventually};
use wire::catalog::v1 as pb;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::common::v1::Outcome;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::{
    BaselineSource, CostSource, Event, Receipt, TaskCompleted, TokenUsage, TrackRequest,
};

const STARTER: &str = include_str!("../../deploy/packs/support-starter.yaml");

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
            body: Some(Body::TaskCompleted(task)),
            ..Default::default()
        };
        let request = TrackRequest {
            event: Some(event),
            catalog_at_least: at_least.to_owned(),
            validate_only: true,
        };
        self.ingest.track(request).await.unwrap().into_inner().receipt.unwrap()
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
            body: Some(Body::TaskCompleted(task("chat_triage"))),
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
async fn a_change_reaches_ingest_without_being_asked_for() {
    let suite = Suite::on_sqlite().await;
    let stage = Stage::set(&suite.addresses).await;
    let mut story = Story::begin(&stage).await;
    assert!(!story.import(STARTER).await.is_empty());
    let request = pb::SetBaselineRequest {
        key: Some(pb::BaselineKey { task_type: "ticket_routing".to_owned(), ..Default::default() }),
        baseline_ms: 180_000,
        reason: "Measured".to_owned(),
        ..Default::default()
    };
    story.catalog.set_baseline(request).await.unwrap();
    eventually("the change at ingest", async || {
        let mut story = Story::begin(&stage).await;
        let valued = story.value(task("ticket_routing"), "").await.valuation.unwrap();
        (valued.baseline_ms == 180_000).then_some(())
    })
    .await;
    suite.stop().await;
}
