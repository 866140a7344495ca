//! The store's contract, on both databases.

use std::sync::Arc;

use db::Db;
use kernel::{Clock, Currency, Partition, Position, Timestamp, WorkspaceId};
use testkit::FakeClock;

use super::{Appended, Basis, Request, Store};
use crate::domain::{
    BaselineKey, BaselineValue, Change, Effort, Name, NewChange, Pack, Rate, RateTarget, RateValue,
    Reason, Tag, TaskKey, Value,
};

testkit::store_suite! {
    suite: crate::store::suite,
    migrator: crate::Migrator,
    backends: [sqlite, postgres],
    cases: [
        positions_grow_by_one_without_gaps,
        concurrent_appends_leave_no_gap_and_number_their_versions,
        a_repeated_request_is_recorded_once,
        a_request_id_with_another_body_writes_nothing,
        concurrent_twins_are_recorded_once,
        of_two_edits_based_on_one_version_one_loses,
        every_value_comes_back_as_it_went_in,
        what_today_s_rules_refuse_is_read_as_it_was_recorded,
        keys_differ_by_case_and_accent,
        a_write_of_many_is_whole_and_a_repeat_gives_all_of_it_back,
        a_decision_on_an_older_catalog_writes_nothing,
        the_end_of_a_partition_is_known,
        a_cursor_sees_only_what_comes_after_it,
        workspaces_do_not_see_each_other,
        use_after_close_is_an_error,
    ],
}

fn workspace(number: i64) -> WorkspaceId {
    WorkspaceId::new(number).unwrap()
}

fn store(db: Db) -> Store {
    Store::new(db, Arc::new(FakeClock::default()))
}

fn rate(euros: i64) -> Value {
    let rate = Rate::new(euros * 1_000_000, Currency::EUR).unwrap();
    Value::HourlyRate(RateValue { target: RateTarget::Workspace, rate: Some(rate) })
}

fn new(number: i64, value: Value) -> NewChange {
    let reason = Reason::new("a test").unwrap();
    NewChange {
        workspace: workspace(number),
        effective: None,
        actor: "k1".to_owned(),
        reason,
        value,
    }
}

fn request(id: &str, hash: u8) -> Option<Request> {
    Some(Request { id: id.to_owned(), hash: vec![hash; 32] })
}

fn on(version: &str) -> Basis {
    Basis { version: Some(version.to_owned()), seen: None }
}

fn only(appended: Appended) -> Change {
    let Appended::Recorded(mut changes) = appended else { panic!("{appended:?}") };
    assert_eq!(changes.len(), 1);
    changes.remove(0)
}

async fn recorded(store: &Store, new: NewChange) -> Change {
    only(store.append(vec![new], None, Basis::default()).await.unwrap())
}

pub(crate) async fn positions_grow_by_one_without_gaps(db: Db) {
    let store = store(db);
    assert_eq!(store.heads().await.unwrap(), []);
    for seq in 1..=3 {
        let change = recorded(&store, new(1, rate(80 + seq))).await;
        assert_eq!((change.position.seq, change.version.number), (seq, seq));
    }
    // Answers without a write move nothing.
    let stale = store.append(vec![new(1, rate(1))], None, on("builtin@1")).await.unwrap();
    assert!(matches!(stale, Appended::VersionLost(Some(_))));
    assert_eq!(recorded(&store, new(1, rate(90))).await.position.seq, 4);
    let partition = workspace(1).partition();
    assert_eq!(store.heads().await.unwrap(), [Position { partition, seq: 4 }]);
}

pub(crate) async fn concurrent_appends_leave_no_gap_and_number_their_versions(db: Db) {
    let store = store(db);
    let writers: Vec<_> = (1..=20)
        .map(|euros| {
            let store = store.clone();
            tokio::spawn(async move { recorded(&store, new(1, rate(euros))).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let changes = store.changes(workspace(1), 0).await.unwrap();
    let numbered: Vec<(i64, i64)> =
        changes.iter().map(|c| (c.position.seq, c.version.number)).collect();
    assert_eq!(numbered, (1..=20).map(|n| (n, n)).collect::<Vec<_>>());
}

pub(crate) async fn a_repeated_request_is_recorded_once(db: Db) {
    let store = store(db);
    let first =
        store.append(vec![new(1, rate(85))], request("r1", 1), Basis::default()).await.unwrap();
    let change = only(first);
    let again =
        store.append(vec![new(1, rate(85))], request("r1", 1), Basis::default()).await.unwrap();
    assert_eq!(again, Appended::Replayed(vec![change]));
    assert_eq!(store.changes(workspace(1), 0).await.unwrap().len(), 1);
    // The same id in another workspace is another request.
    let other =
        store.append(vec![new(2, rate(85))], request("r1", 2), Basis::default()).await.unwrap();
    assert!(matches!(other, Appended::Recorded(_)));
}

pub(crate) async fn a_request_id_with_another_body_writes_nothing(db: Db) {
    let store = store(db);
    store.append(vec![new(1, rate(85))], request("r1", 1), Basis::default()).await.unwrap();
    let reused =
        store.append(vec![new(1, rate(86))], request("r1", 2), Basis::default()).await.unwrap();
    assert_eq!(reused, Appended::RequestReused);
    assert_eq!(recorded(&store, new(1, rate(87))).await.position.seq, 2);
}

pub(crate) async fn concurrent_twins_are_recorded_once(db: Db) {
    let store = store(db);
    let twin = || {
        let store = store.clone();
        tokio::spawn(async move {
            store.append(vec![new(1, rate(85))], request("r1", 1), Basis::default()).await.unwrap()
        })
    };
    let twins = [twin(), twin(), twin(), twin()];
    let mut written = 0;
    for twin in twins {
        written += usize::from(matches!(twin.await.unwrap(), Appended::Recorded(_)));
    }
    assert_eq!(written, 1);
    assert_eq!(store.changes(workspace(1), 0).await.unwrap().len(), 1);
}

pub(crate) async fn of_two_edits_based_on_one_version_one_loses(db: Db) {
    let store = store(db);
    let base = recorded(&store, new(1, rate(85))).await.version.id;
    let won = store.append(vec![new(1, rate(90))], None, on(&base)).await.unwrap();
    let won = only(won);
    let lost = store.append(vec![new(1, rate(95))], None, on(&base)).await.unwrap();
    assert_eq!(lost, Appended::VersionLost(Some(won.version)));
    // An edit of what has no version cannot be based on one.
    let nothing = store.append(vec![new(2, rate(95))], None, on("x")).await.unwrap();
    assert_eq!(nothing, Appended::VersionLost(None));
    // What came with the product is what a first edit is based on.
    let first = store.append(vec![new(2, rate(95))], None, on("builtin@1")).await.unwrap();
    assert!(matches!(first, Appended::Recorded(_)));
}

pub(crate) async fn every_value_comes_back_as_it_went_in(db: Db) {
    let store = store(db);
    let key = BaselineKey {
        task_type: TaskKey::new("email_classification").unwrap(),
        language: Tag::language("pt-br").unwrap(),
        channel: Tag::channel("e|mail").unwrap(),
    };
    let agent = RateTarget::Agent(Name::new("support-triage | 1").unwrap());
    let values = [
        Value::Baseline(BaselineValue {
            key: key.clone(),
            effort: Some(Effort::from_ms(86_400_000).unwrap()),
            citation: "Time sheet, \"März\" 2026".to_owned(),
        }),
        Value::Baseline(BaselineValue { key, effort: None, citation: String::new() }),
        rate(85),
        Value::HourlyRate(RateValue { target: agent.clone(), rate: None }),
        Value::HourlyRate(RateValue {
            target: RateTarget::Team(Name::new("t").unwrap()),
            rate: Some(Rate::new(1, Currency::new("USD").unwrap()).unwrap()),
        }),
    ];
    let starter =
        Pack::read(include_str!("../../../../deploy/packs/support-starter.yaml")).unwrap();
    let starter = starter.entries.into_iter().map(|entry| entry.value);
    let values: Vec<Value> = values.into_iter().chain(written_values()).chain(starter).collect();
    let effective = Timestamp::from_micros(1_767_225_600_123_457);
    for value in &values {
        let change = NewChange { effective: Some(effective), ..new(1, value.clone()) };
        recorded(&store, change).await;
    }
    let read = store.changes(workspace(1), 0).await.unwrap();
    assert_eq!(read.iter().map(|change| change.value.clone()).collect::<Vec<_>>(), values);
    for change in read {
        assert_eq!(change.version.effective, effective);
        assert_eq!(change.version.recorded, FakeClock::default().now());
        assert_eq!(
            (change.version.actor.as_str(), change.version.reason.as_str()),
            ("k1", "a test")
        );
    }
}

/// Rules change and rows do not: a currency that is gone must not take a workspace's history away.
pub(crate) async fn what_today_s_rules_refuse_is_read_as_it_was_recorded(db: Db) {
    let store = store(db.clone());
    let recorded_then = [
        (
            "fx_rates: [{base_currency_code: USD, quote_currency_code: EUR, rate: 1, rate_source: x}]",
            r#"{"base_currency_code":"DEM","quote_currency_code":"EUR","rate":"9999999.5","rate_source":"x"}"#,
        ),
        (
            "reporting_defaults: [{currency_code: EUR}]",
            r#"{"currency_code":"XEU","time_zone":"Mars/Olympus","hours_per_fte_month":"800","fiscal_year_start_month":"1"}"#,
        ),
        (
            "intents: [{intent: refund, risk: low}]",
            r#"{"intent":"refund","risk":"low","call_limits":{"retries_max":"1000","memory_duration":"365d"},"mood":"sour"}"#,
        ),
        (
            "model_prices: [{model: m, tier: small, currency_code: EUR, token_prices: [{token_kind: input, per_million_tokens: 1}]}]",
            r#"{"model":"(","model_match":"regex","tier":"small","currency_code":"DEM","token_prices":[{"token_kind":"input","per_million_tokens":"2000000"}]}"#,
        ),
    ];
    for (section, body) in recorded_then {
        let pack = Pack::read(&format!("pack: a\n{section}\n")).unwrap();
        let value = pack.entries[0].value.clone();
        let position = recorded(&store, new(1, value)).await.position;
        rewrite(&db, position, body).await;
        let read = store.changes(workspace(1), position.seq - 1).await.unwrap();
        let written = super::body::encode(&read[0].value);
        let (written, body): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(&written).unwrap(), serde_json::from_str(body).unwrap());
        for (field, said) in body.as_object().unwrap() {
            let kept = &written[field];
            // What is a map gets its defaults written beside what was said.
            let same = said
                .as_object()
                .map_or(kept == said, |said| said.iter().all(|(field, said)| kept[field] == *said));
            assert!(same || field == "mood", "{field}: {said} became {kept}");
        }
    }
    let start = Position { partition: workspace(1).partition(), seq: 0 };
    assert_eq!(store.changes_after(start, 9).await.unwrap().len(), 4, "and so Watch goes on");
}

/// Puts another body into a row, as another release would have written it.
async fn rewrite(db: &Db, at: Position, body: &'static str) {
    use super::entity::change::{Column, Entity};
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
    let written = db
        .write(move |txn| {
            Box::pin(async move {
                Entity::update_many()
                    .col_expr(Column::Body, Expr::value(body))
                    .filter(Column::Partition.eq(at.partition.get()))
                    .filter(Column::Seq.eq(at.seq))
                    .exec(txn)
                    .await?;
                Ok::<_, db::Error>(())
            })
        })
        .await;
    written.unwrap();
}

/// One of each kind, and of each kind the one that says most.
fn written_values() -> Vec<Value> {
    let document = r#"
pack: every-kind
task_types:
  - task_type: email_classification
    display_name: "E-mail: \"März\""
    description: "Two\nlines | and more"
    category: ops
    aliases: [{alias: mail_nl, language: nl, channel: e-mail}, {alias: mail}]
    state: archived
savings_policies: [{kind: strict, subtract_agent_duration: false, edit_ratio_threshold_percent: 0}]
reporting_defaults: [{currency_code: JPY, time_zone: Asia/Tokyo, fiscal_year_start_month: 4}]
intents: [{intent: refund, risk: high, call_limits: {retries_max: 0, memory_duration: 1s}}]
model_prices:
  - provider: openai
    model: gpt-4o(-mini)?
    model_match: regex
    tier: small
    currency_code: USD
    token_prices:
      - {token_kind: input, per_million_tokens: 0.15}
      - {token_kind: output, service_tier: batch, input_tokens_min: 200000, per_million_tokens: 1000000}
    price_source: "https://example.com/prices?a=b#c"
  - {model: gpt-4o, withdrawn: true}
fx_rates:
  - {base_currency_code: USD, quote_currency_code: EUR, rate: 0.000000001, rate_source: ECB reference rate}
"#;
    Pack::read(document).unwrap().entries.into_iter().map(|entry| entry.value).collect()
}

pub(crate) async fn a_write_of_many_is_whole_and_a_repeat_gives_all_of_it_back(db: Db) {
    let store = store(db);
    recorded(&store, new(1, rate(50))).await;
    // More than one statement holds, some of one thing.
    let many = || (1..=80).map(|n| new(1, rate(60 + n / 2))).collect::<Vec<_>>();
    let first = store.append(many(), request("r1", 1), Basis::default()).await.unwrap();
    let Appended::Recorded(changes) = first else { panic!("{first:?}") };
    let placed: Vec<_> = changes.iter().map(|c| (c.position.seq, c.version.number)).collect();
    assert_eq!(placed, (2..=81).map(|n| (n, n)).collect::<Vec<_>>());
    recorded(&store, new(1, rate(99))).await;
    let again = store.append(many(), request("r1", 1), Basis::default()).await.unwrap();
    assert_eq!(again, Appended::Replayed(changes.clone()));
    let asked = store.replayed(workspace(1), &request("r1", 1).unwrap()).await.unwrap();
    assert_eq!(asked, Some(Appended::Replayed(changes)));
    assert_eq!(store.replayed(workspace(2), &request("r1", 1).unwrap()).await.unwrap(), None);
    let none = store.append(Vec::new(), request("r2", 1), Basis::default()).await.unwrap();
    assert_eq!(none, Appended::Recorded(Vec::new()));
    assert_eq!(store.changes(workspace(1), 0).await.unwrap().len(), 82);
}

pub(crate) async fn a_decision_on_an_older_catalog_writes_nothing(db: Db) {
    let store = store(db);
    let seen = |seen| Basis { version: None, seen: Some(seen) };
    let first = store.append(vec![new(1, rate(50))], None, seen(0)).await.unwrap();
    assert_eq!(only(first).position.seq, 1);
    let moved = store.append(vec![new(1, rate(51))], None, seen(0)).await.unwrap();
    assert_eq!(moved, Appended::Moved);
    // Another workspace's change in the same partition moves nothing.
    recorded(&store, new(2, rate(60))).await;
    let next = store.append(vec![new(1, rate(52))], None, seen(1)).await.unwrap();
    assert_eq!(only(next).position.seq, 3);
}

pub(crate) async fn the_end_of_a_partition_is_known(db: Db) {
    let store = store(db);
    let partition = workspace(1).partition();
    assert_eq!(store.head(partition).await.unwrap(), 0);
    recorded(&store, new(1, rate(50))).await;
    recorded(&store, new(2, rate(50))).await;
    assert_eq!(store.head(partition).await.unwrap(), 2);
    let own = store.changes(workspace(2), 0).await.unwrap();
    assert_eq!(own.iter().map(|c| c.position.seq).collect::<Vec<_>>(), [2]);
    assert_eq!(store.changes(workspace(2), 2).await.unwrap(), []);
}

pub(crate) async fn keys_differ_by_case_and_accent(db: Db) {
    let store = store(db);
    for agent in ["Ana", "ana", "aná"] {
        let target = RateTarget::Agent(Name::new(agent).unwrap());
        let change =
            recorded(&store, new(1, Value::HourlyRate(RateValue { target, rate: None }))).await;
        assert_eq!(change.version.number, 1, "{agent}");
    }
}

pub(crate) async fn a_cursor_sees_only_what_comes_after_it(db: Db) {
    let store = store(db);
    for euros in 1..=5 {
        recorded(&store, new(1, rate(euros))).await;
    }
    let partition = workspace(1).partition();
    let seqs = |changes: Vec<Change>| changes.iter().map(|c| c.position.seq).collect::<Vec<_>>();
    let after = |seq| Position { partition, seq };
    assert_eq!(seqs(store.changes_after(after(0), 2).await.unwrap()), [1, 2]);
    assert_eq!(seqs(store.changes_after(after(2), 9).await.unwrap()), [3, 4, 5]);
    assert_eq!(store.changes_after(after(5), 9).await.unwrap(), []);
    let other = Partition::all().find(|p| *p != partition).unwrap();
    let elsewhere = Position { partition: other, seq: 0 };
    assert_eq!(store.changes_after(elsewhere, 9).await.unwrap(), []);
}

pub(crate) async fn workspaces_do_not_see_each_other(db: Db) {
    let store = store(db);
    // 1 and 2 share a partition: only the workspace column keeps them apart.
    assert_eq!(workspace(1).partition(), workspace(2).partition());
    recorded(&store, new(1, rate(85))).await;
    assert_eq!(store.changes(workspace(2), 0).await.unwrap(), []);
    let change = recorded(&store, new(2, rate(60))).await;
    assert_eq!((change.position.seq, change.version.number), (2, 1));
}

pub(crate) async fn use_after_close_is_an_error(db: Db) {
    let store = store(db.clone());
    db.close().await;
    assert!(matches!(store.heads().await, Err(super::Error::Unavailable(_))));
    assert!(store.append(vec![new(1, rate(85))], None, Basis::default()).await.is_err());
}
