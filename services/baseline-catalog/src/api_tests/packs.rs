//! Packs: shown before they are taken, taken whole or not at all, written so that they can be taken.

use super::*;

on_both_databases![
    the_starter_pack_is_previewed_imported_and_then_says_nothing_new,
    a_bad_pack_is_refused_with_its_lines_and_writes_nothing,
    an_export_can_be_imported_elsewhere_and_is_the_same_then,
    a_repeated_import_gives_back_the_first_answer,
    a_pack_may_bring_types_and_refer_to_them,
    a_baseline_without_a_date_begins_with_the_type_its_pack_brings,
    twins_of_an_import_are_one_and_give_one_answer,
    a_catalog_too_large_for_a_pack_is_read_by_its_lists,
];

const STARTER: &str = include_str!("../../../../deploy/packs/support-starter.yaml");

fn import(document: &str) -> pb::ImportPackRequest {
    pb::ImportPackRequest {
        document_yaml: document.to_owned(),
        reason: "First import".to_owned(),
        ..Default::default()
    }
}

async fn imported(client: &mut Client, request: pb::ImportPackRequest) -> pb::ImportPackResponse {
    client.import_pack(request).await.unwrap().into_inner()
}

async fn exported(client: &mut Client, include_built_ins: bool) -> String {
    let request = pb::ExportPackRequest { include_built_ins, ..Default::default() };
    client.export_pack(request).await.unwrap().into_inner().document_yaml
}

fn actions(response: &pb::ImportPackResponse) -> Vec<(&str, pb::PackAction)> {
    response.differences.iter().map(|d| (d.key.as_str(), d.action())).collect()
}

async fn intents(client: &mut Client) -> Vec<pb::Intent> {
    client.list_intents(pb::ListIntentsRequest::default()).await.unwrap().into_inner().intents
}

async fn the_starter_pack_is_previewed_imported_and_then_says_nothing_new(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let preview = pb::ImportPackRequest { validate_only: true, ..import(STARTER) };
    let preview = imported(&mut client, preview).await;
    assert_eq!(preview.catalog_version, "");
    assert_eq!(preview.differences.len(), 7);
    let first = &preview.differences[0];
    assert_eq!((first.key.as_str(), first.action()), ("intent/order_status", pb::PackAction::Add));
    assert_eq!(first.current_yaml, "");
    assert!(first.imported_yaml.starts_with("intent: order_status\n"), "{}", first.imported_yaml);
    let line = STARTER.lines().nth(first.line as usize - 1).unwrap();
    assert!(line.contains("intent: order_status"), "line {}: {line}", first.line);
    assert_eq!(intents(&mut client).await, []);

    let taken = imported(&mut client, import(STARTER)).await;
    assert_eq!(taken.differences, preview.differences);
    assert!(!taken.catalog_version.is_empty());
    let held = intents(&mut client).await;
    assert_eq!(held.len(), 7);
    for intent in held {
        let version = intent.version.unwrap();
        assert_eq!(version.actor, "pack:support-starter");
        assert!(version.reason.starts_with("Assumption: "), "{}", version.reason);
    }
    let again = imported(&mut client, import(STARTER)).await;
    assert_eq!(again.catalog_version, "");
    assert!(again.differences.iter().all(|d| d.action() == pb::PackAction::Keep), "{again:?}");
}

async fn a_bad_pack_is_refused_with_its_lines_and_writes_nothing(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let document = "\
pack: bad
task_types:
  - task_type: one
    aliases: [{alias: two}]
  - task_type: two
    aliases: [{alias: one}]
  - task_type: ticket_routing
    display_name: Ours
baselines:
  - {task_type: email_classification, effort: 5m}
  - {task_type: nobody, effort: 5m}
  - {task_type: email_classification, language: nl, effort: 5m, effective_time: 1999-01-01T00:00:00Z}
  - {task_type: email_classification, language: en, effort: 1m}
  - {task_type: email_classification_en, effort: 2m}
";
    let refused = client.import_pack(import(document)).await.unwrap_err();
    let details = refused.get_details_bad_request().unwrap();
    let mut found: Vec<_> =
        details.field_violations.iter().map(|v| (v.field.as_str(), v.reason.as_str())).collect();
    found.sort_unstable();
    let expected = [
        ("document_yaml:11 baselines[1].task_type", "UNKNOWN_TASK_TYPE"),
        ("document_yaml:12 baselines[2].effective_time", "OUT_OF_RANGE"),
        ("document_yaml:14 baselines[4]", "PACK_INVALID"),
        ("document_yaml:3 task_types[0].aliases", "ALIAS_CYCLE"),
        ("document_yaml:5 task_types[1].aliases", "ALIAS_CYCLE"),
        ("document_yaml:7 task_types[2]", "TASK_TYPE_BUILT_IN"),
    ];
    assert_eq!(found, expected);
    let refused = client.import_pack(import("pack: bad\nbaselines: [{effort: -4m}]\n")).await;
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::InvalidArgument, ErrorReason::PackInvalid)
    );
    assert!(refused.message().starts_with("document_yaml:2 baselines[0].task_type"), "{refused}");
    let held = baseline(resolve(&mut client, "email_classification", None).await);
    assert_eq!(held.source(), pb::BaselineSource::BuiltIn, "all or nothing");
}

async fn an_export_can_be_imported_elsewhere_and_is_the_same_then(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    set(&mut client, euros(85)).await;
    set(&mut client, pb::SetHourlyRateRequest { agent_id: "a: b".to_owned(), ..euros(60) }).await;
    client.set_baseline(minutes("email_classification_nl", 5)).await.unwrap();
    imported(&mut client, import(STARTER)).await;
    let document = exported(&mut client, false).await;
    assert!(!document.contains("ticket_routing"), "{document}");
    assert!(exported(&mut client, true).await.contains("ticket_routing"));

    let mut other = Client::new(server.channel_for(workspace(2), &[Scope::Admin]));
    imported(&mut other, import(&document)).await;
    let named = |document: &str| document.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(named(&exported(&mut other, false).await), named(&document));
    let whole = exported(&mut client, true).await;
    let again = imported(&mut client, import(&whole)).await;
    assert!(again.differences.iter().all(|d| d.action() == pb::PackAction::Keep), "{again:?}");
}

async fn a_repeated_import_gives_back_the_first_answer(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let document = "\
pack: rates
hourly_rates: [{per_hour: 85, currency_code: EUR}, {agent_id: a, withdrawn: true}]
baselines: [{task_type: ticket_routing, effort: 3m}, {task_type: email_classification, effort: 4m}]
";
    let request = pb::ImportPackRequest { request_id: "r1".to_owned(), ..import(document) };
    let first = imported(&mut client, request.clone()).await;
    let expected = [
        ("hourly_rate/workspace", pb::PackAction::Change),
        ("hourly_rate/agent:a", pb::PackAction::Keep),
        ("baseline/ticket_routing", pb::PackAction::Change),
        ("baseline/email_classification", pb::PackAction::Change),
    ];
    assert_eq!(actions(&first), expected);
    set(&mut client, euros(90)).await;
    h.clock.advance(DAY);
    assert_eq!(imported(&mut client, request.clone()).await, first);
    assert_eq!(default_rate_at(&mut client, None).await, 90_000_000, "nothing was written again");
    let other = pb::ImportPackRequest { reason: "Another".to_owned(), ..request };
    let refused = client.import_pack(other).await.unwrap_err();
    assert_eq!(reason(&refused), ErrorReason::RequestIdReused);
}

async fn a_pack_may_bring_types_and_refer_to_them(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    // What refers stands before what it refers to; two dated values of one thing are two versions.
    let document = format!(
        "\
pack: ours
baselines:
  - {{task_type: chat_triage_nl, effort: 2m}}
  - {{task_type: ticket_routing, effort: 3m}}
  - {{task_type: ticket_routing, effort: 2m, effective_time: {}}}
task_types:
  - {{task_type: chat_triage, aliases: [{{alias: chat_triage_nl, language: nl}}]}}
",
        h.clock.now().plus(DAY)
    );
    let taken = imported(&mut client, import(&document)).await;
    let expected = [
        ("baseline/chat_triage/nl", pb::PackAction::Add),
        ("baseline/ticket_routing", pb::PackAction::Change),
        ("baseline/ticket_routing", pb::PackAction::Change),
        ("task_type/chat_triage", pb::PackAction::Add),
    ];
    assert_eq!(actions(&taken), expected);
    assert_eq!(
        baseline(resolve(&mut client, "chat_triage_nl", h.in_days(-30)).await).baseline_ms,
        120_000
    );
    for (at, minutes) in [(h.in_days(-1), 2), (None, 3), (h.in_days(1), 2)] {
        let held = baseline(resolve(&mut client, "ticket_routing", at).await);
        assert_eq!(held.baseline_ms / 60_000, minutes);
    }
}

async fn a_baseline_without_a_date_begins_with_the_type_its_pack_brings(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let document = format!(
        "\
pack: ours
baselines: [{{task_type: chat_triage_nl, effort: 2m}}, {{task_type: chat_triage, effort: 3m}}]
task_types:
  - {{task_type: chat_triage, aliases: [{{alias: chat_triage_nl, language: nl}}], effective_time: {}}}
",
        h.clock.now().plus(DAY)
    );
    for first in [true, false] {
        let taken = imported(&mut client, import(&document)).await;
        let action = if first { pb::PackAction::Add } else { pb::PackAction::Keep };
        assert!(taken.differences.iter().all(|d| d.action() == action), "{taken:?}");
    }
    let held = baseline(resolve(&mut client, "chat_triage_nl", h.in_days(1)).await);
    assert_eq!(held.baseline_ms, 120_000);
    let today = resolve(&mut client, "chat_triage", None).await;
    assert!(matches!(today.result, Some(pb::resolved_baseline::Result::Unknown(_))), "{today:?}");
}

async fn twins_of_an_import_are_one_and_give_one_answer(h: Harness) {
    let (here, there) = (h.serve().await, h.serve().await);
    for round in 1..=10 {
        let document = format!(
            "pack: rates\nhourly_rates: [{{per_hour: {round}, currency_code: EUR}}]\nbaselines: [{{task_type: \
             ticket_routing, effort: {round}m}}]\n"
        );
        let request =
            pb::ImportPackRequest { request_id: format!("r{round}"), ..import(&document) };
        let twins = [&here, &there, &here, &there].map(|server| {
            let (mut client, request) = (admin(server), request.clone());
            tokio::spawn(async move { imported(&mut client, request).await })
        });
        let mut answers = Vec::new();
        for twin in twins {
            answers.push(twin.await.unwrap());
        }
        let changed = ["hourly_rate/workspace", "baseline/ticket_routing"];
        assert_eq!(actions(&answers[0]), changed.map(|key| (key, pb::PackAction::Change)));
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{round}: {answers:#?}");
    }
    let request = pb::ListHourlyRatesRequest { include_history: true, ..Default::default() };
    let history = admin(&here).list_hourly_rates(request).await.unwrap().into_inner();
    assert_eq!(history.hourly_rates.len(), 11, "each once, and the built-in");
}

async fn a_catalog_too_large_for_a_pack_is_read_by_its_lists(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    for half in ["a", "b"] {
        let types: String = (0..300)
            .map(|n| format!("  - {{task_type: {half}_{n}, description: {}}}\n", "x".repeat(1_000)))
            .collect();
        imported(&mut client, import(&format!("pack: many\ntask_types:\n{types}"))).await;
    }
    let refused = client.export_pack(pb::ExportPackRequest::default()).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::ResourceExhausted, ErrorReason::TooLarge)
    );
    assert!(refused.message().contains("ListTaskTypes"), "{refused}");
}
