//! Judgements and retractions, as a report shows them.

use crate::harness::{Harness, START, event, retracted, revised, task, valued};
use testkit::TestDb;
use wire::common::v1::{Money, Outcome};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{LedgerRecord, TicketOpened};
use wire::rollup::v1::Measures;

const DAY: i64 = 86_400_000_000;
const MINUTE_MS: i64 = 60_000;

fn draft(ticket: &str, outcome: Outcome) -> LedgerRecord {
    valued("drafts", ticket, task("customer_email_draft", outcome), 8)
}

async fn measures(harness: &Harness) -> Measures {
    harness.overview().await.measures.unwrap()
}

fn bar(measures: &Measures) -> Vec<i64> {
    measures.outcomes.iter().map(|outcome| outcome.count).collect()
}

/// A judgement, another, both taken back, and then the step itself.
async fn a_step_counts_as_it_was_judged_last(db: TestDb) {
    let harness = Harness::start(db).await;
    let step = (START + DAY, draft("T-1", Outcome::Pending));
    let first = (START + 9 * DAY, revised(1, &step, Outcome::Success));
    let second = (START + 10 * DAY, revised(1, &step, Outcome::NeedsReview));
    harness.ledger.append([step.clone()]);
    let counted = measures(&harness).await;
    assert_eq!((bar(&counted), counted.time_saved_ms), (vec![0, 0, 0, 1], 0));

    harness.ledger.append([first.clone()]);
    let counted = measures(&harness).await;
    assert_eq!((bar(&counted), counted.time_saved_ms), (vec![1, 0, 0, 0], 8 * MINUTE_MS));

    harness.ledger.append([second.clone()]);
    let counted = measures(&harness).await;
    assert_eq!((bar(&counted), counted.time_saved_ms), (vec![0, 1, 0, 0], 4 * MINUTE_MS));

    harness.ledger.append([(START + 11 * DAY, retracted(3, &second))]);
    let counted = measures(&harness).await;
    assert_eq!(bar(&counted), [1, 0, 0, 0], "the judgement before it holds again");

    let gone = (START + 12 * DAY, retracted(2, &first));
    harness.ledger.append([gone.clone(), gone]);
    assert_eq!(bar(&measures(&harness).await), [0, 0, 0, 1], "twice changes nothing");

    harness.ledger.append([(START + 13 * DAY, retracted(1, &step))]);
    let counted = measures(&harness).await;
    assert_eq!((counted.events, counted.tickets, counted.cost_saved), (0, 0, vec![]));
    assert_eq!(counted.agent_cost, []);
}

#[tokio::test]
async fn a_step_counts_as_it_was_judged_last_on_sqlite() {
    a_step_counts_as_it_was_judged_last(testkit::sqlite::<rollup::Migrator>("rollup").await).await;
}

#[tokio::test]
async fn a_step_counts_as_it_was_judged_last_on_postgres() {
    a_step_counts_as_it_was_judged_last(testkit::postgres::<rollup::Migrator>("rollup").await)
        .await;
}

#[tokio::test]
async fn ten_thousand_drafts_judged_by_people_make_a_bar_of_60_30_and_10_percent() {
    let harness = Harness::start(testkit::sqlite::<rollup::Migrator>("rollup").await).await;
    let steps: Vec<_> = (0..10_000)
        .map(|n| (START + n * 1_000_000, draft(&format!("T-{n}"), Outcome::Pending)))
        .collect();
    harness.ledger.append(steps.clone());
    harness.ledger.append(steps.iter().zip(1..).map(|(step, seq)| {
        let outcome = match seq {
            1..=6_000 => Outcome::Success,
            6_001..=9_000 => Outcome::NeedsReview,
            _ => Outcome::Failure,
        };
        (START + DAY, revised(seq, step, outcome))
    }));
    let counted = measures(&harness).await;
    assert_eq!(counted.events, 10_000);
    let shares: Vec<_> = counted.outcomes.iter().map(|outcome| outcome.share).collect();
    assert_eq!(shares, [Some(0.6), Some(0.3), Some(0.1), Some(0.0)], "AN9");
}

#[tokio::test]
async fn taking_back_what_is_not_added_up_changes_no_number() {
    let harness = Harness::start(testkit::sqlite::<rollup::Migrator>("rollup").await).await;
    let opened = Body::TicketOpened(TicketOpened::default());
    let opened = LedgerRecord { event: Some(event("a", "T-1", opened)), ..Default::default() };
    let opened = (START, opened);
    harness.ledger.append([
        opened.clone(),
        (START + 1, retracted(1, &opened)),
        (START + 2, draft("T-1", Outcome::Success)),
    ]);
    assert_eq!(bar(&measures(&harness).await), [1, 0, 0, 0]);
}

#[tokio::test]
async fn a_foreign_cost_is_netted_as_the_receipt_netted_it() {
    let harness = Harness::start(testkit::sqlite::<rollup::Migrator>("rollup").await).await;
    let money = |code: &str, micros| Money { currency_code: code.to_owned(), micros };
    let in_dollars = |converted: Option<Money>| {
        let mut task = task("customer_email_draft", Outcome::Success);
        task.agent_cost = Some(money("USD", 100_000));
        let mut record = valued("drafts", "T-1", task, 8);
        if let Some(valuation) = &mut record.valuation {
            valuation.converted_cost = converted;
        }
        record
    };
    harness.ledger.append([(START, in_dollars(Some(money("EUR", 90_000))))]);
    let overview = harness.overview().await;
    let counted = overview.measures.unwrap();
    assert_eq!(counted.agent_cost, [money("USD", 100_000)]);
    assert_eq!(counted.net_saved, [money("EUR", 11_333_333 - 90_000)]);
    assert_eq!(overview.basis.unwrap().data_quality.unwrap().unconverted_amounts, Some(0));
    harness.ledger.append([(START, in_dollars(None))]);
    let overview = harness.overview().await;
    assert_eq!(overview.basis.unwrap().data_quality.unwrap().unconverted_amounts, Some(1));
}

#[tokio::test]
async fn how_long_the_agents_took_is_known_within_one_percent() {
    let harness = Harness::start(testkit::sqlite::<rollup::Migrator>("rollup").await).await;
    assert_eq!(measures(&harness).await.agent_duration, None);
    harness.ledger.append((1..=100).map(|n| {
        let mut task = task("customer_email_draft", Outcome::Success);
        task.duration_ms = Some(n * 1_000);
        (START + n * DAY / 5, valued("drafts", "T-1", task, 8))
    }));
    let took = measures(&harness).await.agent_duration.unwrap();
    assert_eq!(took.n, 100);
    assert!((took.p50_ms - 50_000).abs() <= 500, "{took:?}");
    assert!((took.p90_ms - 90_000).abs() <= 900, "{took:?}");
}
