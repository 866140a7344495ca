//! A step from its first judgement to its retraction, through the ledger to the report and back by a recount.

use std::time::Duration;

use chassis::Channel;
use tests::{Stage, Suite, eventually};
use tonic::Request;
use wire::catalog::v1 as catalog;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::common::v1::{Money, Outcome};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::{
    Event, Receipt, RetractRequest, ReviseOutcomeRequest, SavingsPolicy, TaskCompleted, Ticket,
    TrackRequest,
};
use wire::rollup::v1::rebuild_service_client::RebuildServiceClient;
use wire::rollup::v1::report_service_client::ReportServiceClient;
use wire::rollup::v1::{
    CheckConservationRequest, GetOverviewRequest, GetRebuildRequest, Overview, RebuildState,
    ReportQuery, StartRebuildRequest,
};

struct Story {
    ingest: IngestServiceClient<Channel>,
    reports: ReportServiceClient<Channel>,
    rebuilds: RebuildServiceClient<Channel>,
    catalog: CatalogServiceClient<Channel>,
}

impl Story {
    fn begin(stage: &Stage) -> Self {
        let rollup = stage.channel(&stage.addresses.rollup());
        Self {
            ingest: IngestServiceClient::new(stage.channel(&stage.addresses.ingest())),
            reports: ReportServiceClient::new(rollup.clone()),
            rebuilds: RebuildServiceClient::new(rollup),
            catalog: CatalogServiceClient::new(stage.channel(&stage.addresses.catalog())),
        }
    }

    async fn track(&mut self, stage: &Stage, ticket: &str, cost: Money) -> Receipt {
        let task = TaskCompleted {
            task_type: "customer_email_draft".to_owned(),
            outcome: Outcome::Pending.into(),
            agent_cost: Some(cost),
            ..Default::default()
        };
        let event = Event {
            agent_id: "drafts".to_owned(),
            ticket: Some(Box::new(Ticket { ticket_id: ticket.to_owned(), ..Default::default() })),
            body: Some(Body::TaskCompleted(task.into())),
            ..Default::default()
        };
        let request = TrackRequest {
            event: Some(event),
            catalog_at_least: stage.catalog_version.clone(),
            ..Default::default()
        };
        self.ingest.track(request).await.unwrap().into_inner().receipt.unwrap()
    }

    async fn revise(&mut self, event_id: &str, outcome: Outcome) -> Receipt {
        let request = ReviseOutcomeRequest {
            event_id: event_id.to_owned(),
            outcome: outcome.into(),
            ..Default::default()
        };
        self.ingest.revise_outcome(request).await.unwrap().into_inner().receipt.unwrap()
    }

    async fn retract(&mut self, event_id: &str) -> Receipt {
        let (event_id, reason) = (event_id.to_owned(), "a mistake".to_owned());
        let request = RetractRequest { event_id, reason, ..Default::default() };
        self.ingest.retract(request).await.unwrap().into_inner().receipt.unwrap()
    }

    async fn overview(&mut self, at_least: &str) -> Overview {
        let query = ReportQuery { at_least: at_least.to_owned(), ..Default::default() };
        let request = GetOverviewRequest { query: Some(query), ..Default::default() };
        self.reports.get_overview(request).await.unwrap().into_inner().overview.unwrap()
    }

    /// Steps by outcome, distinct tickets.
    async fn bar(&mut self, receipt: &Receipt) -> (Vec<i64>, i64) {
        let measures = self.overview(&receipt.position).await.measures.unwrap();
        (measures.outcomes.iter().map(|outcome| outcome.count).collect(), measures.tickets)
    }

    async fn holds(&mut self, at_least: &str) -> String {
        let query = ReportQuery { at_least: at_least.to_owned(), ..Default::default() };
        let request = CheckConservationRequest { query: Some(query), recount_ledger: true };
        let mut request = Request::new(request);
        request.set_timeout(Duration::from_secs(30));
        let checked = self.reports.check_conservation(request).await.unwrap().into_inner();
        assert!(checked.holds, "{:?}", checked.checks);
        checked.digest
    }
}

fn euros(micros: i64) -> Money {
    Money { currency_code: "EUR".to_owned(), micros }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_judged_judged_again_and_taken_back() {
    let suite = Suite::on_sqlite().await;
    let stage = Stage::set(&suite.addresses).await;
    let mut story = Story::begin(&stage);
    let step = story.track(&stage, "T-1", euros(12_000)).await;
    let other = story.track(&stage, "T-2", euros(12_000)).await;
    assert_eq!(story.bar(&other).await, (vec![0, 0, 0, 2], 2));

    let approved = story.revise(&step.event_id, Outcome::Success).await;
    assert_eq!(story.bar(&approved).await, (vec![1, 0, 0, 1], 2));
    let overview = story.overview(&approved.position).await;
    let net = overview.measures.unwrap().net_saved;
    let receipt = approved.net_saved.clone().unwrap();
    assert_eq!(
        net,
        [euros(receipt.micros - 12_000)],
        "the receipt's, less the pending step's cost"
    );

    let rejected = story.revise(&step.event_id, Outcome::Failure).await;
    assert_eq!(story.bar(&rejected).await, (vec![0, 0, 1, 1], 2));
    let again = story.retract(&rejected.event_id).await;
    assert_eq!(story.bar(&again).await, (vec![1, 0, 0, 1], 2), "the judgement before it holds");
    let gone = story.retract(&step.event_id).await;
    assert_eq!(story.bar(&gone).await, (vec![0, 0, 0, 1], 1));
    let gone = story.retract(&step.event_id).await;
    assert_eq!(story.bar(&gone).await, (vec![0, 0, 0, 1], 1), "twice changes nothing");

    let digest = story.holds(&gone.position).await;
    let request =
        StartRebuildRequest { request_id: "1".to_owned(), reason: "to be sure".to_owned() };
    let begun = story.rebuilds.start_rebuild(request).await.unwrap().into_inner().rebuild.unwrap();
    eventually("the end of the rebuild", async || {
        let mut rebuilds = story.rebuilds.clone();
        let request = GetRebuildRequest { rebuild_id: begun.rebuild_id.clone() };
        let rebuild = rebuilds.get_rebuild(request).await.unwrap().into_inner().rebuild.unwrap();
        assert_ne!(rebuild.state(), RebuildState::Failed);
        let same = rebuild.digest_before == rebuild.digest_after;
        (rebuild.state() == RebuildState::Succeeded).then(|| assert!(same, "{rebuild:?}"))
    })
    .await;
    assert_eq!(story.holds(&gone.position).await, digest);
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_assumes_what_the_workspace_has_set() {
    let suite = Suite::on_sqlite().await;
    let stage = Stage::set(&suite.addresses).await;
    let mut story = Story::begin(&stage);
    let defaults = catalog::ReportingDefaults {
        currency_code: "EUR".to_owned(),
        time_zone: "Europe/Amsterdam".to_owned(),
        hours_per_fte_month: 160,
        fiscal_year_start_month: 4,
        version: None,
    };
    let request = catalog::SetReportingDefaultsRequest {
        reporting_defaults: Some(defaults),
        reason: "we live there".to_owned(),
        ..Default::default()
    };
    story.catalog.set_reporting_defaults(request).await.unwrap();
    let policy = catalog::SavingsPolicy {
        kind: catalog::SavingsPolicyKind::Strict.into(),
        ..Default::default()
    };
    let request = catalog::SetSavingsPolicyRequest {
        savings_policy: Some(policy),
        reason: "finance asked".to_owned(),
        ..Default::default()
    };
    story.catalog.set_savings_policy(request).await.unwrap();
    let basis = story.overview("").await.basis.unwrap();
    assert_eq!(basis.time_zone, "Europe/Amsterdam");
    assert_eq!(basis.policy(), SavingsPolicy::Strict);
    suite.stop().await;
}
