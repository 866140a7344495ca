//! What a step cost: as sent, or computed, or unknown; and where each figure of a receipt came from.

use wire::common::v1::Money;
use wire::ingest::v1::{CallCost, CostSource, LlmCall, TokenUsage};

use super::*;

/// What the catalog would ship: a price and an exchange rate for everybody.
async fn keep_prices(db: &Db) {
    let version = |id: &str| Some(catalog::Version { version_id: id.into(), ..Default::default() });
    let key =
        catalog::BaselineKey { task_type: "email_classification".into(), ..Default::default() };
    let bodies = [
        Fact::TaskType(catalog::TaskType {
            task_type: "email_classification".into(),
            ..Default::default()
        }),
        Fact::Baseline(catalog::Baseline {
            key: Some(key),
            baseline_ms: 240_000,
            source: catalog::BaselineSource::BuiltIn.into(),
            version: version("b1"),
            ..Default::default()
        }),
        Fact::SavingsPolicy(catalog::SavingsPolicy {
            kind: catalog::SavingsPolicyKind::Credited.into(),
            unmeasured_review_credit_percent: Some(25),
            edit_ratio_threshold_percent: Some(10),
            version: version("s1"),
            ..Default::default()
        }),
        Fact::ModelPrice(catalog::ModelPrice {
            model: "gpt-4o(-mini)?".into(),
            model_match: catalog::ModelMatch::Regex.into(),
            currency_code: "USD".into(),
            token_prices: vec![catalog::TokenPrice {
                token_kind: catalog::TokenKind::Input.into(),
                price_micros_per_million_tokens: 2_500_000,
                ..Default::default()
            }],
            version: version("p1"),
            ..Default::default()
        }),
        Fact::FxRate(catalog::FxRate {
            base_currency_code: "USD".into(),
            quote_currency_code: "EUR".into(),
            rate_nanos: 920_000_000,
            version: version("f1"),
            ..Default::default()
        }),
    ];
    let changes = bodies
        .map(|body| catalog::Change { body: Some(body), ..Default::default() }.encode_to_vec());
    CatalogCopyStore(db.clone()).keep_built_ins(changes.to_vec()).await.unwrap();
}

fn task(change: impl FnOnce(&mut TaskCompleted)) -> Event {
    let mut event = success("");
    if let Some(Body::TaskCompleted(task)) = &mut event.body {
        change(task);
    }
    event
}

fn money(currency: &str, micros: i64) -> Option<Money> {
    Some(Money { currency_code: currency.into(), micros })
}

/// Kept after the harness kept its own: the copy is read when a replica starts.
async fn priced(db: TestDb) -> (Harness, Server) {
    let h = Harness::on(db).await;
    keep_prices(&h.db.db).await;
    let replica = h.replica().await;
    (h, replica)
}

async fn track(h: &Harness, on: &Server, event: Event) -> Receipt {
    let channel = on.channel_with_key(Some(&h.key));
    let request = TrackRequest { event: Some(event), ..Default::default() };
    let answer = IngestServiceClient::new(channel).track(request).await.unwrap();
    answer.into_inner().receipt.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cost_is_computed_from_model_and_tokens_and_the_receipt_says_how() {
    let (h, replica) = priced(testkit::sqlite::<Migrator>("ingest").await).await;
    let tokens = Some(TokenUsage { input: 1_000, ..Default::default() });
    let computed = task(|task| {
        task.model = "gpt-4o-mini".into();
        task.tokens = tokens;
    });
    let receipt = track(&h, &replica, computed).await;
    let valuation = receipt.valuation.clone().unwrap();
    assert_eq!(valuation.cost_source(), CostSource::Computed);
    assert_eq!(
        (receipt.agent_cost, valuation.converted_cost),
        (money("USD", 2_500), money("EUR", 2_300))
    );
    assert_eq!(receipt.net_saved, money("EUR", 3_000_000 - 2_300));
    let versions = [
        &valuation.baseline_version,
        &valuation.rate_version,
        &valuation.policy_version,
        &valuation.price_version,
        &valuation.fx_version,
    ];
    assert_eq!(versions, ["b1", "default", "s1", "p1", "f1"]);
    assert_eq!(valuation.fx_rate_nanos, 920_000_000);

    let sent = task(|task| {
        task.model = "gpt-4o-mini".into();
        task.tokens = tokens;
        task.agent_cost = money("EUR", 12_000);
    });
    let receipt = track(&h, &replica, sent).await;
    let valuation = receipt.valuation.clone().unwrap();
    assert_eq!(valuation.cost_source(), CostSource::Provided, "what was sent wins");
    assert_eq!((receipt.agent_cost, valuation.price_version.as_str()), (money("EUR", 12_000), ""));

    for (unknown, why) in [
        (task(|task| task.tokens = tokens), "no model"),
        (task(|task| task.model = "gpt-4o".into()), "no tokens"),
        (task(|task| (task.model, task.tokens) = ("claude".into(), tokens)), "no price"),
    ] {
        let receipt = track(&h, &replica, unknown).await;
        assert_eq!(receipt.valuation.unwrap().cost_source(), CostSource::None, "{why}");
        assert_eq!((receipt.agent_cost, receipt.net_saved), (None, None), "{why}");
    }
    let yen = track(&h, &replica, task(|task| task.agent_cost = money("JPY", 5))).await;
    assert_eq!((yen.agent_cost, yen.net_saved), (money("JPY", 5), None), "no rate for yen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_of_its_day_credits_a_step_and_every_later_judgement_of_it() {
    let (h, replica) = priced(testkit::sqlite::<Migrator>("ingest").await).await;
    let rewritten = track(&h, &replica, task(|task| task.edit_ratio = Some(0.1))).await;
    let valuation = rewritten.valuation.unwrap();
    assert_eq!((valuation.outcome(), valuation.credited_ms), (Outcome::NeedsReview, 60_000));

    let event_id = track(&h, &replica, success("")).await.event_id;
    let outcome = Outcome::NeedsReview.into();
    let request =
        wire::ingest::v1::ReviseOutcomeRequest { event_id, outcome, ..Default::default() };
    let mut ingest = IngestServiceClient::new(replica.channel_with_key(Some(&h.key)));
    let revised = ingest.revise_outcome(request).await.unwrap().into_inner().receipt.unwrap();
    assert_eq!(revised.valuation.unwrap().credited_ms, 60_000, "a quarter of four minutes");
}

fn call(model: &str, cost: Option<Money>) -> Event {
    let tokens = Some(TokenUsage { input: 1_000, ..Default::default() });
    let call = LlmCall { model: model.into(), tokens, cost, ..Default::default() };
    Event { agent_id: "a".into(), body: Some(Body::LlmCall(call.into())), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_priced_by_the_day_and_an_unpriced_model_is_visible_and_never_free() {
    let (h, replica) = priced(testkit::sqlite::<Migrator>("ingest").await).await;
    let receipt = track(&h, &replica, call("gpt-4o", None)).await;
    let computed = Box::new(CallCost {
        cost_source: CostSource::Computed.into(),
        cost: money("USD", 2_500),
        price_version: "p1".into(),
        converted_cost: money("EUR", 2_300),
        fx_rate_nanos: 920_000_000,
        fx_version: "f1".into(),
    });
    assert_eq!((receipt.call_cost.as_ref(), receipt.valuation), (Some(&computed), None));
    let stands = h.find(&receipt.event_id).await.record.unwrap();
    assert_eq!(stands.call_cost, Some(computed), "stamped on the entry");

    let sent = track(&h, &replica, call("gpt-4o", money("", 12_000))).await.call_cost.unwrap();
    assert_eq!((sent.cost_source(), sent.cost), (CostSource::Provided, money("EUR", 12_000)));
    assert_eq!((sent.price_version.as_str(), sent.converted_cost), ("", None));

    let unpriced = track(&h, &replica, call("claude", None)).await.call_cost.unwrap();
    assert_eq!((unpriced.cost_source(), unpriced.cost), (CostSource::None, None));
    let step = track(&h, &replica, success("")).await;
    assert_eq!(step.call_cost, None, "a step is no call");
}
