//! Policies, reporting defaults, intents, prices and exchange rates: set, dated, refused by field.

use super::*;

on_both_databases![
    a_policy_holds_from_its_moment,
    reporting_defaults_want_a_zone_and_not_an_offset,
    an_intent_comes_back_as_it_was_set_and_its_limits_have_defaults,
    a_model_is_priced_by_name_or_pattern_until_withdrawn,
    a_workspace_prices_a_hundred_patterns_and_no_more,
    a_list_goes_on_where_its_page_ended_whatever_was_set_meanwhile,
    exchange_rates_are_listed_by_their_day,
    every_kind_reaches_a_watcher,
];

fn text(text: &str) -> String {
    text.to_owned()
}

fn refund() -> pb::Intent {
    pb::Intent {
        intent: text("refund"),
        risk: pb::RiskLevel::High.into(),
        required_identifiers: vec![text("order_number")],
        allowed_tiers: vec![pb::ModelTier::Large.into(), pb::ModelTier::Standard.into()],
        ..Default::default()
    }
}

fn price(model: &str, matching: pb::ModelMatch) -> pb::ModelPrice {
    pb::ModelPrice {
        provider: text("openai"),
        model: text(model),
        model_match: matching.into(),
        tier: pb::ModelTier::Small.into(),
        currency_code: text("USD"),
        token_prices: vec![pb::TokenPrice {
            token_kind: pb::TokenKind::Input.into(),
            price_micros_per_million_tokens: 150_000,
            ..Default::default()
        }],
        ..Default::default()
    }
}

async fn set_price(client: &mut Client, price: pb::ModelPrice) -> pb::SetModelPriceResponse {
    let request = pb::SetModelPriceRequest {
        model_price: Some(price),
        reason: text("Price list"),
        ..Default::default()
    };
    client.set_model_price(request).await.unwrap().into_inner()
}

async fn set_rate(client: &mut Client, nanos: i64, effective_time: Option<wire::Timestamp>) {
    let fx_rate = Some(pb::FxRate {
        base_currency_code: text("USD"),
        quote_currency_code: text("EUR"),
        rate_nanos: nanos,
        rate_source: text("ECB reference rate"),
        version: None,
    });
    let reason = text("Daily rate");
    let request = pb::SetFxRateRequest { fx_rate, reason, effective_time, ..Default::default() };
    client.set_fx_rate(request).await.unwrap();
}

/// Fields and reasons of a refusal, sorted.
fn violations(refused: &Status) -> Vec<(String, String)> {
    let details = refused.get_details_bad_request().unwrap();
    let mut found: Vec<_> =
        details.field_violations.into_iter().map(|v| (v.field, v.reason)).collect();
    found.sort_unstable();
    found
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(field, reason)| (text(field), text(reason))).collect()
}

async fn a_policy_holds_from_its_moment(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let request = pb::SetSavingsPolicyRequest {
        savings_policy: Some(pb::SavingsPolicy {
            kind: pb::SavingsPolicyKind::Strict.into(),
            subtract_agent_duration: Some(false),
            ..Default::default()
        }),
        effective_time: h.in_days(1),
        reason: text("Finance asked"),
        ..Default::default()
    };
    let set = client.set_savings_policy(request.clone()).await.unwrap().into_inner();
    let policy = set.savings_policy.unwrap();
    assert_eq!(policy.unmeasured_review_credit_percent, Some(50));
    for (at_time, kind, subtracts) in [
        (None, pb::SavingsPolicyKind::Credited, true),
        (h.in_days(1), pb::SavingsPolicyKind::Strict, false),
    ] {
        let held =
            client.get_savings_policy(pb::GetSavingsPolicyRequest { at_time }).await.unwrap();
        let held = held.into_inner().savings_policy.unwrap();
        assert_eq!((held.kind(), held.subtract_agent_duration), (kind, Some(subtracts)));
    }
    let wrong = pb::SetSavingsPolicyRequest {
        savings_policy: Some(pb::SavingsPolicy {
            edit_ratio_threshold_percent: Some(101),
            ..Default::default()
        }),
        ..request
    };
    let refused = client.set_savings_policy(wrong).await.unwrap_err();
    let expected = [
        ("savings_policy.edit_ratio_threshold_percent", "OUT_OF_RANGE"),
        ("savings_policy.kind", "REQUIRED"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));
}

async fn reporting_defaults_want_a_zone_and_not_an_offset(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let request = |defaults| pb::SetReportingDefaultsRequest {
        reporting_defaults: Some(defaults),
        reason: text("Head office"),
        ..Default::default()
    };
    let wrong = pb::ReportingDefaults {
        currency_code: text("EURO"),
        time_zone: text("+01:00"),
        hours_per_fte_month: 745,
        fiscal_year_start_month: 13,
        version: None,
    };
    let refused = client.set_reporting_defaults(request(wrong)).await.unwrap_err();
    let expected = [
        ("reporting_defaults.currency_code", "UNKNOWN_CURRENCY"),
        ("reporting_defaults.fiscal_year_start_month", "OUT_OF_RANGE"),
        ("reporting_defaults.hours_per_fte_month", "OUT_OF_RANGE"),
        ("reporting_defaults.time_zone", "NOT_A_TIME_ZONE"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));

    for no_place in ["localtime", "Factory", "posixrules"] {
        let wrong = pb::ReportingDefaults { time_zone: text(no_place), ..Default::default() };
        let refused = client.set_reporting_defaults(request(wrong)).await.unwrap_err();
        let expected = [("reporting_defaults.time_zone", "NOT_A_TIME_ZONE")];
        assert_eq!(violations(&refused), pairs(&expected), "{no_place}");
    }

    // Whatever the caller's spelling, the zone's own is stored.
    let right = pb::ReportingDefaults { time_zone: text("europe/amsterdam"), ..Default::default() };
    client.set_reporting_defaults(request(right)).await.unwrap();
    let held = client.get_reporting_defaults(pb::GetReportingDefaultsRequest::default()).await;
    let held = held.unwrap().into_inner().reporting_defaults.unwrap();
    let told = (held.currency_code.as_str(), held.time_zone.as_str(), held.hours_per_fte_month);
    assert_eq!(told, ("EUR", "Europe/Amsterdam", 176));
    let at_time = h.in_days(-1);
    let before = client.get_reporting_defaults(pb::GetReportingDefaultsRequest { at_time }).await;
    assert_eq!(before.unwrap().into_inner().reporting_defaults.unwrap().time_zone, "UTC");
}

async fn an_intent_comes_back_as_it_was_set_and_its_limits_have_defaults(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let request = |intent| pb::SetIntentRequest {
        intent: Some(intent),
        reason: text("Reviewed"),
        ..Default::default()
    };
    let set = client.set_intent(request(refund())).await.unwrap().into_inner().intent.unwrap();
    let limits = set.call_limits.clone().unwrap();
    assert_eq!((set.display_name.as_str(), set.state()), ("Refund", pb::IntentState::Active));
    assert_eq!((limits.retries_max, limits.memory_duration.unwrap().seconds), (Some(2), 86_400));
    assert_eq!(set.allowed_tiers, [2, 3], "in rising order");
    // What was read can be sent again.
    let again = pb::Intent {
        call_limits: Some(limits),
        state: pb::IntentState::Archived.into(),
        ..refund()
    };
    client.set_intent(request(again)).await.unwrap();
    for (state, count) in [(pb::IntentState::Unspecified, 1), (pb::IntentState::Active, 0)] {
        let list = pb::ListIntentsRequest { state: state.into(), ..Default::default() };
        assert_eq!(client.list_intents(list).await.unwrap().into_inner().intents.len(), count);
    }
    let wrong = pb::Intent {
        intent: text("Re fund"),
        allowed_tiers: vec![0, 1, 1],
        call_limits: Some(pb::CallLimits {
            retries_max: Some(-1),
            memory_duration: Some(wire::Duration { seconds: 0, nanos: 1 }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let refused = client.set_intent(request(wrong)).await.unwrap_err();
    let expected = [
        ("intent.allowed_tiers[0]", "INVALID_FIELD"),
        ("intent.allowed_tiers[2]", "INVALID_FIELD"),
        ("intent.call_limits.memory_duration", "INVALID_FIELD"),
        ("intent.call_limits.retries_max", "OUT_OF_RANGE"),
        ("intent.intent", "INVALID_FIELD"),
        ("intent.risk", "REQUIRED"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));
}

async fn a_model_is_priced_by_name_or_pattern_until_withdrawn(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    set_price(&mut client, price("gpt-4o", pb::ModelMatch::Unspecified)).await;
    let pattern =
        set_price(&mut client, price("gpt-4o-mini(-[0-9-]+)?", pb::ModelMatch::Regex)).await;
    let list = async |client: &mut Client, model: &str, include_history| {
        let model = text(model);
        let request = pb::ListModelPricesRequest { model, include_history, ..Default::default() };
        client.list_model_prices(request).await.unwrap().into_inner().model_prices
    };
    assert_eq!(list(&mut client, "", false).await.len(), 2);
    let minis = list(&mut client, "gpt-4o-mini-2024-07-18", false).await;
    assert_eq!(minis, [pattern.model_price.clone().unwrap()]);
    assert_eq!(
        list(&mut client, "claude", false).await,
        [],
        "an unpriced model is none, never free"
    );
    // Withdrawn as it was read, the prices left out.
    let withdrawn =
        pb::ModelPrice { withdrawn: true, token_prices: vec![], ..pattern.model_price.unwrap() };
    set_price(&mut client, withdrawn).await;
    assert_eq!(list(&mut client, "gpt-4o-mini", false).await, []);
    assert_eq!(list(&mut client, "gpt-4o-mini", true).await.len(), 2);

    let token = |kind: i32, micros| pb::TokenPrice {
        token_kind: kind,
        price_micros_per_million_tokens: micros,
        ..Default::default()
    };
    let wrong = pb::ModelPrice {
        currency_code: text("XYZ"),
        tier: 0,
        token_prices: vec![token(1, -1), token(9, 1)],
        ..price("a)|(b", pb::ModelMatch::Regex)
    };
    let request = pb::SetModelPriceRequest { model_price: Some(wrong), ..Default::default() };
    let refused = client.set_model_price(request).await.unwrap_err();
    let expected = [
        ("model_price.currency_code", "UNKNOWN_CURRENCY"),
        ("model_price.model", "INVALID_FIELD"),
        ("model_price.tier", "INVALID_FIELD"),
        ("model_price.token_prices[0].price_micros_per_million_tokens", "INVALID_FIELD"),
        ("model_price.token_prices[1].token_kind", "INVALID_FIELD"),
        ("reason", "INVALID_FIELD"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));
    let twice = pb::ModelPrice {
        token_prices: vec![token(1, 1), token(1, 2)],
        ..price("m", pb::ModelMatch::Exact)
    };
    let request = pb::SetModelPriceRequest {
        model_price: Some(twice),
        reason: text("x"),
        ..Default::default()
    };
    let refused = client.set_model_price(request).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("model_price.token_prices", "INVALID_FIELD")]));
}

async fn a_workspace_prices_a_hundred_patterns_and_no_more(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let entry = |n: i32| {
        format!(
            "  - {{model: \"m{n}-.*\", model_match: regex, tier: small, currency_code: EUR, token_prices: \
             [{{token_kind: input, per_million_tokens: 1}}]}}\n"
        )
    };
    let import = |count| pb::ImportPackRequest {
        document_yaml: format!(
            "pack: a\nmodel_prices:\n{}",
            (0..count).map(entry).collect::<String>()
        ),
        reason: text("Price list"),
        ..Default::default()
    };
    let refused = client.import_pack(import(101)).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        pairs(&[("document_yaml:103 model_prices[100].model", "TOO_LARGE")])
    );
    client.import_pack(import(100)).await.unwrap();

    let request = |price| pb::SetModelPriceRequest {
        model_price: Some(price),
        reason: text("One more"),
        ..Default::default()
    };
    let gone = pb::ModelPrice {
        provider: String::new(),
        withdrawn: true,
        token_prices: vec![],
        ..price("m7-.*", pb::ModelMatch::Regex)
    };
    client.set_model_price(request(gone)).await.unwrap();
    let refused = client.set_model_price(request(price("more-.*", pb::ModelMatch::Regex))).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(violations(&refused), pairs(&[("model_price.model", "TOO_LARGE")]));
    assert!(refused.message().contains("at most 100"), "{refused}");
    let known = pb::ModelPrice { provider: String::new(), ..price("m7-.*", pb::ModelMatch::Regex) };
    client.set_model_price(request(known)).await.unwrap();
    client.set_model_price(request(price("more", pb::ModelMatch::Exact))).await.unwrap();

    let large = price("(?:[a-z]{100}){100}", pb::ModelMatch::Regex);
    let refused = client.set_model_price(request(large)).await.unwrap_err();
    assert_eq!(violations(&refused), pairs(&[("model_price.model", "TOO_LARGE")]));
    assert!(refused.message().contains("once compiled"), "{refused}");
}

async fn a_list_goes_on_where_its_page_ended_whatever_was_set_meanwhile(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    for model in ["a", "b", "c"] {
        set_price(&mut client, price(model, pb::ModelMatch::Exact)).await;
    }
    let request = pb::ListModelPricesRequest { page_size: 1, ..Default::default() };
    let first = client.list_model_prices(request.clone()).await.unwrap().into_inner();
    assert_eq!(first.model_prices[0].model, "a");
    // The version that the page ended with is replaced, and the next value withdrawn.
    set_price(&mut client, price("a", pb::ModelMatch::Exact)).await;
    let gone = price("b", pb::ModelMatch::Exact);
    let gone = pb::ModelPrice { withdrawn: true, token_prices: vec![], ..gone };
    set_price(&mut client, gone).await;
    let next = pb::ListModelPricesRequest { page_token: first.next_page_token.clone(), ..request };
    let next = client.list_model_prices(next).await.unwrap().into_inner();
    assert_eq!((next.model_prices[0].model.as_str(), next.next_page_token.as_str()), ("c", ""));

    set(&mut client, euros(85)).await;
    set(&mut client, pb::SetHourlyRateRequest { agent_id: text("a"), ..euros(60) }).await;
    let request = pb::ListHourlyRatesRequest { page_size: 1, ..Default::default() };
    let page = client.list_hourly_rates(request.clone()).await.unwrap().into_inner();
    set(&mut client, euros(90)).await;
    let next = pb::ListHourlyRatesRequest { page_token: page.next_page_token, ..request };
    let next = client.list_hourly_rates(next).await.unwrap().into_inner();
    assert_eq!(next.hourly_rates[0].agent_id, "a");

    // A token is of one list.
    let elsewhere = pb::ListIntentsRequest {
        page_size: 1,
        page_token: first.next_page_token,
        ..Default::default()
    };
    let refused = client.list_intents(elsewhere).await.unwrap_err();
    assert_eq!(reason(&refused), ErrorReason::BadPageToken);
}

async fn exchange_rates_are_listed_by_their_day(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    set_rate(&mut client, 920_000_000, h.in_days(-2)).await;
    set_rate(&mut client, 930_000_000, h.in_days(-1)).await;
    set_rate(&mut client, 910_000_000, h.in_days(-3)).await;
    let list = async |client: &mut Client, base: &str, at_time| {
        let base_currency_code = text(base);
        let request = pb::ListFxRatesRequest { base_currency_code, at_time, ..Default::default() };
        let listed = client.list_fx_rates(request).await.unwrap().into_inner().fx_rates;
        listed.iter().map(|rate| rate.rate_nanos / 1_000_000).collect::<Vec<_>>()
    };
    assert_eq!(list(&mut client, "", None).await, [930, 920, 910]);
    assert_eq!(list(&mut client, "USD", h.in_days(-2)).await, [920]);
    assert_eq!(list(&mut client, "GBP", None).await, Vec::<i64>::new());
    let same = pb::FxRate {
        base_currency_code: text("EUR"),
        quote_currency_code: text("EUR"),
        rate_nanos: 0,
        ..Default::default()
    };
    let request =
        pb::SetFxRateRequest { fx_rate: Some(same), reason: text("x"), ..Default::default() };
    let refused = client.set_fx_rate(request).await.unwrap_err();
    let expected = [
        ("fx_rate.quote_currency_code", "INVALID_FIELD"),
        ("fx_rate.rate_nanos", "INVALID_FIELD"),
        ("fx_rate.rate_source", "REQUIRED"),
    ];
    assert_eq!(violations(&refused), pairs(&expected));
}

async fn every_kind_reaches_a_watcher(h: Harness) {
    use pb::change::Body;
    let server = h.serve().await;
    let mut client = admin(&server);
    let mut stream =
        watcher(&server).watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    snapshot(&mut stream).await;
    set_price(&mut client, price("gpt-4o", pb::ModelMatch::Exact)).await;
    let priced = stream.message().await.unwrap().unwrap().changes.remove(0);
    assert!(matches!(priced.body, Some(Body::ModelPrice(_))), "{priced:?}");
    set_rate(&mut client, 920_000_000, None).await;
    let rated = stream.message().await.unwrap().unwrap().changes.remove(0);
    assert!(matches!(rated.body, Some(Body::FxRate(_))), "{rated:?}");
    let reason = text("Reviewed");
    let request = pb::SetIntentRequest { intent: Some(refund()), reason, ..Default::default() };
    let set = client.set_intent(request).await.unwrap().into_inner().intent;
    let meant = stream.message().await.unwrap().unwrap().changes.remove(0);
    assert_eq!(meant.body, set.map(Body::Intent));
}
