//! The store's contract, on both databases.

use db::Db;
use kernel::{EventId, Outcome, Position, Timestamp, Window, WorkspaceId};
use testkit::SeededIds;

use super::{After, Filter, Store};
use crate::domain::{
    Counted, DEFAULT_PLAN, Drawn, Plan, Probability, Sample, Secret, State, Step, draw,
};

testkit::store_suite! {
    suite: crate::store::suite,
    migrator: crate::Migrator,
    backends: [sqlite, postgres],
    cases: [
        a_sample_comes_back_as_it_went_in,
        a_replay_adds_no_sample,
        counts_add_up_over_batches,
        pages_stay_stable_while_samples_arrive,
        filters_leave_out_what_they_say,
        workspaces_do_not_see_each_other,
        replicas_that_start_together_agree_on_the_secret,
        a_batch_of_thousands_is_one_statement,
        use_after_close_is_an_error,
    ],
}

const EVERYTHING: Plan = Plan { rate: Probability::ONE, ..DEFAULT_PLAN };
const NOON: i64 = 1_770_033_600_123_456;

fn workspace(number: i64) -> WorkspaceId {
    WorkspaceId::new(number).unwrap()
}

fn step(workspace_number: i64, seq: i64) -> Step {
    let workspace = workspace(workspace_number);
    Step {
        event: EventId(Position { partition: workspace.partition(), seq }),
        workspace,
        recorded: Timestamp::from_micros(NOON + seq),
        occurred: Timestamp::from_micros(NOON - seq),
        agent_id: "support-triage".to_owned(),
        task_type: "email_classification".to_owned(),
        outcome: Outcome::NeedsReview,
        ticket_id: "T-1 \"é\"".to_owned(),
        intent: "billing".to_owned(),
        channel: "email".to_owned(),
        language: "nl".to_owned(),
    }
}

fn drawn(steps: impl IntoIterator<Item = Step>) -> Drawn {
    draw(&Secret::new([3; 32]), &EVERYTHING, steps)
}

async fn add(db: &Db, drawn: Drawn) {
    let added = db.write(move |txn| {
        Box::pin(async move {
            super::write::add(txn, &DEFAULT_PLAN, &drawn).await?;
            Ok::<_, super::Error>(())
        })
    });
    added.await.unwrap();
}

async fn listed(store: &Store, filter: &Filter) -> Vec<Sample> {
    store.samples(workspace(1), filter, None, 1_000).await.unwrap()
}

fn seqs(samples: &[Sample]) -> Vec<i64> {
    samples.iter().map(|sample| sample.step.event.0.seq).collect()
}

pub(crate) async fn a_sample_comes_back_as_it_went_in(db: Db) {
    let drawn = drawn([step(1, 7)]);
    let expected = drawn.samples.clone();
    add(&db, drawn).await;
    assert_eq!(listed(&Store::new(db), &Filter::default()).await, expected);
}

pub(crate) async fn a_replay_adds_no_sample(db: Db) {
    add(&db, drawn((1..=3).map(|seq| step(1, seq)))).await;
    add(&db, drawn((2..=4).map(|seq| step(1, seq)))).await;
    assert_eq!(seqs(&listed(&Store::new(db), &Filter::default()).await), [4, 3, 2, 1]);
}

pub(crate) async fn counts_add_up_over_batches(db: Db) {
    add(&db, drawn((1..=3).map(|seq| step(1, seq)))).await;
    let in_english = |seq| Step { language: "en".to_owned(), ..step(1, seq) };
    add(&db, drawn([step(1, 4), in_english(5)])).await;
    let next_week = Timestamp::from_micros(NOON + 7 * 86_400_000_000);
    add(&db, drawn([Step { recorded: next_week, ..step(1, 6) }])).await;
    let weeks = Store::new(db).counts(workspace(1), "default").await.unwrap();
    let told: Vec<_> =
        weeks.iter().map(|week| (week.period.start().to_string(), &week.strata)).collect();
    let all = |n| Counted { considered: n, drawn: n };
    let stratum = |name: &str, n| (format!("language={name}"), all(n));
    assert_eq!(told[0], ("2026-02-09T00:00:00Z".to_owned(), &vec![stratum("nl", 1)]));
    assert_eq!(
        told[1],
        ("2026-02-02T00:00:00Z".to_owned(), &vec![stratum("en", 1), stratum("nl", 4)])
    );
}

pub(crate) async fn pages_stay_stable_while_samples_arrive(db: Db) {
    add(&db, drawn((1..=5).map(|seq| step(1, seq)))).await;
    let store = Store::new(db.clone());
    let first = store.samples(workspace(1), &Filter::default(), None, 2).await.unwrap();
    assert_eq!(seqs(&first), [5, 4]);
    add(&db, drawn([step(1, 6)])).await;
    let after = After { seq: 4, plan_id: "default".to_owned() };
    let rest = store.samples(workspace(1), &Filter::default(), Some(&after), 9).await.unwrap();
    assert_eq!(seqs(&rest), [3, 2, 1]);
}

pub(crate) async fn filters_leave_out_what_they_say(db: Db) {
    let other_agent = Step { agent_id: "Support-triage".to_owned(), ..step(1, 2) };
    let other_task = Step { task_type: "ticket_routing".to_owned(), ..step(1, 3) };
    add(&db, drawn([step(1, 1), other_agent, other_task])).await;
    let store = Store::new(db);
    let occurred = |from: i64, to: i64| {
        Window::new(Timestamp::from_micros(NOON + from), Timestamp::from_micros(NOON + to))
    };
    let text = str::to_owned;
    for (filter, expected) in [
        (Filter { agent_id: text("support-triage"), ..Filter::default() }, vec![3, 1]),
        (Filter { task_type: text("ticket_routing"), ..Filter::default() }, vec![3]),
        (Filter { plan_id: text("other"), ..Filter::default() }, vec![]),
        (Filter { state: Some(State::AwaitingExchange), ..Filter::default() }, vec![3, 2, 1]),
        (Filter { state: Some(State::Settled), ..Filter::default() }, vec![]),
        (Filter { window: occurred(-2, -1), ..Filter::default() }, vec![2]),
    ] {
        assert_eq!(seqs(&listed(&store, &filter).await), expected, "{filter:?}");
    }
}

pub(crate) async fn workspaces_do_not_see_each_other(db: Db) {
    // 1 and 2 share a partition: only the workspace column keeps them apart.
    assert_eq!(workspace(1).partition(), workspace(2).partition());
    add(&db, drawn([step(1, 1), step(2, 2)])).await;
    let store = Store::new(db);
    assert_eq!(seqs(&listed(&store, &Filter::default()).await), [1]);
    assert_eq!(store.counts(workspace(3), "default").await.unwrap(), []);
}

pub(crate) async fn replicas_that_start_together_agree_on_the_secret(db: Db) {
    let replicas: Vec<_> = (0..4)
        .map(|seed| {
            let store = Store::new(db.clone());
            tokio::spawn(async move { store.secret(&SeededIds::new(seed)).await.unwrap() })
        })
        .collect();
    let mut salts = Vec::new();
    for replica in replicas {
        let period = crate::domain::Period::of(Timestamp::EPOCH);
        salts.push(*replica.await.unwrap().salt(workspace(1), "default", period).bytes());
    }
    salts.dedup();
    assert_eq!(salts.len(), 1);
}

pub(crate) async fn a_batch_of_thousands_is_one_statement(db: Db) {
    add(&db, drawn((1..=5_000).map(|seq| step(1, seq)))).await;
    assert_eq!(listed(&Store::new(db), &Filter::default()).await.len(), 1_000);
}

pub(crate) async fn use_after_close_is_an_error(db: Db) {
    let store = Store::new(db.clone());
    db.close().await;
    let samples = store.samples(workspace(1), &Filter::default(), None, 1).await;
    assert!(matches!(samples, Err(super::Error::Unavailable(_))));
}
