//! The kept copy of the catalog at work: what holds when, and what another release left in it.

use kernel::{Clock, Position};

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

fn minutes(minutes: i64, source: catalog::BaselineSource) -> Fact {
    Fact::Baseline(catalog::Baseline {
        key: Some(catalog::BaselineKey {
            task_type: "email_classification".into(),
            ..Default::default()
        }),
        baseline_ms: minutes * 60_000,
        source: source.into(),
        ..Default::default()
    })
}

/// Keeps changes of the workspace, each from its moment on, as if they had been watched.
async fn keep(h: &Harness, changes: &[(Timestamp, Fact)]) {
    let kept = (1..).zip(changes).map(|(seq, (effective, body))| {
        let change = catalog::Change {
            workspace_id: h.workspace.to_string(),
            effective_time: Some(effective.parts().into()),
            body: Some(body.clone()),
            ..Default::default()
        };
        (Position { partition: h.workspace.partition(), seq }, change.encode_to_vec())
    });
    CatalogCopyStore(h.db.db.clone()).keep(kept.collect()).await.unwrap();
}

async fn credited_minutes(h: &Harness, on: &Server, occurred: Option<Timestamp>) -> i64 {
    let event = Event { occurred_time: occurred.map(|at| at.parts().into()), ..success("") };
    let request = TrackRequest { event: Some(event), ..Default::default() };
    let mut ingest = IngestServiceClient::new(on.channel_with_key(Some(&h.key)));
    let receipt = ingest.track(request).await.unwrap().into_inner().receipt.unwrap();
    receipt.valuation.unwrap().credited_ms / 60_000
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_override_of_tomorrow_changes_nothing_today_and_does_tomorrow() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let today = h.clock.now();
    keep(&h, &[(today.plus(DAY), minutes(5, catalog::BaselineSource::Override))]).await;
    let replica = h.replica().await;
    let event_id = h.track(success("k")).await.event_id;
    assert_eq!(credited_minutes(&h, &replica, None).await, 4);
    h.clock.advance(DAY);
    assert_eq!(credited_minutes(&h, &replica, None).await, 5);
    let late = today.plus(HOUR);
    assert_eq!(credited_minutes(&h, &replica, Some(late)).await, 4, "the day it was done decides");
    let stands = h.find(&event_id).await.record.unwrap().valuation.unwrap();
    assert_eq!(stands.baseline_ms, 240_000, "what was recorded never moves by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_newer_release_is_passed_over_and_those_behind_it_are_not() {
    let h = Harness::on(testkit::sqlite::<Migrator>("ingest").await).await;
    let then = h.clock.now();
    let unknown_policy = catalog::SavingsPolicy { kind: 99, ..Default::default() };
    let no_money = catalog::FxRate { base_currency_code: "€".into(), ..Default::default() };
    let changes = [
        (then, minutes(7, catalog::BaselineSource::Unspecified)),
        (then, Fact::SavingsPolicy(unknown_policy)),
        (then, Fact::FxRate(no_money)),
        (then, minutes(6, catalog::BaselineSource::Override)),
    ];
    keep(&h, &changes).await;
    let replica = h.replica().await;
    assert_eq!(credited_minutes(&h, &replica, None).await, 6);
}
