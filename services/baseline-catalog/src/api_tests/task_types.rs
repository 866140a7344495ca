//! Task types of a workspace's own: created with a baseline, changed, archived, and named once.

use super::*;

on_both_databases![
    a_list_of_task_types_holds_for_its_instant,
    a_custom_type_has_a_baseline_since_ever_and_is_a_custom_one,
    a_type_is_created_once_for_each_request_id,
    a_name_means_one_thing,
    of_a_built_in_only_the_aliases_change,
    an_archived_type_is_known_and_says_so,
    of_two_updates_of_one_version_the_second_is_aborted,
    concurrent_types_cannot_share_an_alias,
    what_was_known_at_a_time_can_be_asked,
    a_change_of_another_replica_is_seen_by_the_next_call,
];

fn triage() -> pb::CreateTaskTypeRequest {
    pb::CreateTaskTypeRequest {
        task_type: "chat_triage".to_owned(),
        baseline_ms: Some(90_000),
        citation: "Time sheet of March".to_owned(),
        reason: "We chat".to_owned(),
        aliases: vec![alias("chat_triage_nl", "nl")],
        ..Default::default()
    }
}

fn alias(alias: &str, language: &str) -> pb::TaskTypeAlias {
    pb::TaskTypeAlias {
        alias: alias.to_owned(),
        language: language.to_owned(),
        channel: String::new(),
    }
}

fn update(task_type: &str) -> pb::UpdateTaskTypeRequest {
    pb::UpdateTaskTypeRequest {
        task_type: task_type.to_owned(),
        reason: "It is time".to_owned(),
        ..Default::default()
    }
}

fn aliases(aliases: Vec<pb::TaskTypeAlias>) -> Option<pb::TaskTypeAliases> {
    Some(pb::TaskTypeAliases { aliases })
}

fn told(status: Status) -> (Code, ErrorReason) {
    (status.code(), reason(&status))
}

async fn a_custom_type_has_a_baseline_since_ever_and_is_a_custom_one(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let created = client.create_task_type(triage()).await.unwrap().into_inner();
    let task_type = created.task_type.unwrap();
    assert_eq!(
        (task_type.display_name.as_str(), task_type.origin()),
        ("Chat triage", pb::TaskTypeOrigin::Custom)
    );
    assert!(!created.catalog_version.is_empty());
    // Tracked late, an event of last month can be valued; the alias brings its language.
    for (name, at) in [("chat_triage", None), ("chat_triage_nl", h.in_days(-30))] {
        let found = baseline(resolve(&mut client, name, at).await);
        assert_eq!((found.baseline_ms, found.source()), (90_000, pb::BaselineSource::Custom));
    }
    let dutch = pb::SetBaselineRequest {
        key: Some(pb::BaselineKey { language: "nl".to_owned(), ..key("chat_triage") }),
        ..minutes("chat_triage", 3)
    };
    let set = client.set_baseline(dutch).await.unwrap().into_inner().baseline.unwrap();
    assert_eq!((set.source(), set.original_baseline_ms), (pb::BaselineSource::Custom, None));
    assert_eq!(baseline(resolve(&mut client, "chat_triage_nl", None).await).baseline_ms, 180_000);
    assert_eq!(baseline(resolve(&mut client, "chat_triage", None).await).baseline_ms, 90_000);

    let bare = pb::CreateTaskTypeRequest {
        task_type: "bare".to_owned(),
        baseline_ms: None,
        aliases: vec![],
        ..triage()
    };
    assert_eq!(client.create_task_type(bare).await.unwrap().into_inner().baseline, None);
    let missing = resolve(&mut client, "bare", None).await.result.unwrap();
    assert!(matches!(missing, pb::resolved_baseline::Result::Missing(_)), "{missing:?}");
    let listed = client.list_task_types(pb::ListTaskTypesRequest::default()).await.unwrap();
    let keys: Vec<String> = listed
        .into_inner()
        .task_types
        .into_iter()
        .map(|t| t.task_type.unwrap().task_type)
        .collect();
    assert_eq!(
        keys,
        [
            "bare",
            "chat_triage",
            "customer_email_draft",
            "duplicate_detection",
            "email_classification",
            "ticket_routing"
        ]
    );
}

async fn a_type_is_created_once_for_each_request_id(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let preview = pb::CreateTaskTypeRequest { validate_only: true, ..triage() };
    let preview = client.create_task_type(preview).await.unwrap().into_inner();
    assert_eq!(
        (preview.catalog_version.as_str(), preview.baseline.unwrap().baseline_ms),
        ("", 90_000)
    );

    let request = pb::CreateTaskTypeRequest { request_id: "r1".to_owned(), ..triage() };
    let first = client.create_task_type(request.clone()).await.unwrap().into_inner();
    let again = client.create_task_type(request.clone()).await.unwrap().into_inner();
    assert_eq!(first, again);
    let other = pb::CreateTaskTypeRequest { reason: "Another".to_owned(), ..request };
    let other = client.create_task_type(other).await.unwrap_err();
    assert_eq!(told(other), (Code::AlreadyExists, ErrorReason::RequestIdReused));
    let twice = client.create_task_type(triage()).await.unwrap_err();
    assert_eq!(told(twice), (Code::AlreadyExists, ErrorReason::TaskTypeExists));
}

async fn a_name_means_one_thing(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    client.create_task_type(triage()).await.unwrap();
    let create = |task_type: &str, aliases: Vec<pb::TaskTypeAlias>| pb::CreateTaskTypeRequest {
        task_type: task_type.to_owned(),
        aliases,
        ..triage()
    };
    for (refused, why) in [
        (create("ticket_routing", vec![]), ErrorReason::TaskTypeExists),
        (create("email_classification_nl", vec![]), ErrorReason::TaskTypeExists),
        (create("chat_triage_nl", vec![]), ErrorReason::TaskTypeExists),
        (create("other", vec![alias("chat_triage_nl", "nl")]), ErrorReason::TaskTypeExists),
        (
            create("other", vec![alias("email_classification_en", "en")]),
            ErrorReason::TaskTypeExists,
        ),
        (create("other", vec![alias("chat_triage", "")]), ErrorReason::TaskTypeExists),
        (create("other", vec![alias("other", "")]), ErrorReason::AliasCycle),
        // chat_triage goes by this very name: a circle of two.
        (create("chat_triage_nl", vec![alias("chat_triage", "")]), ErrorReason::AliasCycle),
    ] {
        let shown = format!("{refused:?}");
        let found = client.create_task_type(refused).await.unwrap_err();
        assert_eq!(reason(&found), why, "{shown}");
    }
    let wrong = pb::CreateTaskTypeRequest {
        task_type: "Chat".to_owned(),
        baseline_ms: Some(-1),
        category: 77,
        aliases: vec![alias("x y", "not a language")],
        ..Default::default()
    };
    let refused = client.create_task_type(wrong).await.unwrap_err();
    let details = refused.get_details_bad_request().unwrap();
    let mut fields: Vec<_> = details.field_violations.iter().map(|v| v.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "aliases[0].alias",
            "aliases[0].language",
            "baseline_ms",
            "category",
            "reason",
            "task_type"
        ]
    );
}

async fn of_a_built_in_only_the_aliases_change(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let more = pb::UpdateTaskTypeRequest {
        aliases: aliases(vec![alias("mail", ""), alias("mail_de", "de")]),
        ..update("email_classification")
    };
    let updated = client.update_task_type(more).await.unwrap().into_inner().task_type.unwrap();
    assert_eq!(
        (updated.origin(), updated.version.unwrap().number),
        (pb::TaskTypeOrigin::BuiltIn, 1)
    );
    assert_eq!(baseline(resolve(&mut client, "mail_de", None).await).baseline_ms, 240_000);
    // They take the place of every alias.
    let gone = resolve(&mut client, "email_classification_nl", None).await.result.unwrap();
    assert!(matches!(gone, pb::resolved_baseline::Result::Unknown(_)), "{gone:?}");
    let other = Client::new(server.channel_for(workspace(2), &[Scope::Admin]));
    let theirs = resolve(&mut other.clone(), "email_classification_nl", None).await;
    assert_eq!(baseline(theirs).baseline_ms, 240_000);

    let renamed = pb::UpdateTaskTypeRequest {
        display_name: Some("Mail".to_owned()),
        ..update("email_classification")
    };
    let refused = client.update_task_type(renamed).await.unwrap_err();
    assert_eq!(told(refused), (Code::FailedPrecondition, ErrorReason::TaskTypeBuiltIn));
    let archived = pb::ArchiveTaskTypeRequest {
        task_type: "ticket_routing".to_owned(),
        reason: "No".to_owned(),
        ..Default::default()
    };
    let refused = client.archive_task_type(archived).await.unwrap_err();
    assert_eq!(told(refused), (Code::FailedPrecondition, ErrorReason::TaskTypeBuiltIn));
}

async fn an_archived_type_is_known_and_says_so(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    client.create_task_type(triage()).await.unwrap();
    let archive = pb::ArchiveTaskTypeRequest {
        task_type: "chat_triage".to_owned(),
        reason: "We closed the chat".to_owned(),
        effective_time: h.in_days(1),
        request_id: "a1".to_owned(),
        ..Default::default()
    };
    let archived = client.archive_task_type(archive.clone()).await.unwrap().into_inner();
    assert_eq!(archived.task_type.as_ref().unwrap().state(), pb::TaskTypeState::Archived);
    assert_eq!(archived.displaced_versions.len(), 1);
    assert_eq!(client.archive_task_type(archive).await.unwrap().into_inner(), archived);
    for (at, state) in
        [(None, pb::TaskTypeState::Active), (h.in_days(1), pb::TaskTypeState::Archived)]
    {
        let request = pb::GetTaskTypeRequest { task_type: "chat_triage".to_owned(), at_time: at };
        let found = client.get_task_type(request).await.unwrap().into_inner();
        assert_eq!(found.task_type.unwrap().state(), state);
    }
    // The key stays taken: what was tracked keeps its name.
    let again = client.create_task_type(triage()).await.unwrap_err();
    assert_eq!(reason(&again), ErrorReason::TaskTypeExists);
}

async fn of_two_updates_of_one_version_the_second_is_aborted(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let created = client.create_task_type(triage()).await.unwrap().into_inner();
    let base = created.task_type.unwrap().version.unwrap().version_id;
    let edit = |name: &str| pb::UpdateTaskTypeRequest {
        display_name: Some(name.to_owned()),
        expected_version_id: base.clone(),
        ..update("chat_triage")
    };
    let won = client.update_task_type(edit("One")).await.unwrap().into_inner();
    for validate_only in [true, false] {
        let lost = pb::UpdateTaskTypeRequest { validate_only, ..edit("Two") };
        let lost = client.update_task_type(lost).await.unwrap_err();
        assert_eq!((lost.code(), reason(&lost)), (Code::Aborted, ErrorReason::VersionLost));
        let metadata = lost.get_details_error_info().unwrap().metadata;
        assert_eq!(metadata["current_version"], won.catalog_version);
    }
    let kept = won.task_type.unwrap();
    assert_eq!((kept.display_name.as_str(), kept.aliases.len()), ("One", 1));
}

async fn concurrent_types_cannot_share_an_alias(h: Harness) {
    let server = h.serve().await;
    let create = |n: usize| {
        let mut client = admin(&server);
        tokio::spawn(async move {
            let request = pb::CreateTaskTypeRequest { task_type: format!("type_{n}"), ..triage() };
            client.create_task_type(request).await
        })
    };
    let mut won = 0;
    for answer in [create(1), create(2), create(3), create(4)] {
        match answer.await.unwrap() {
            Ok(_) => won += 1,
            Err(lost) => assert_eq!(reason(&lost), ErrorReason::TaskTypeExists, "{lost}"),
        }
    }
    assert_eq!(won, 1);
}

async fn what_was_known_at_a_time_can_be_asked(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let before = h.in_days(0);
    h.clock.advance(DAY);
    let request =
        pb::SetBaselineRequest { effective_time: h.in_days(-10), ..minutes("ticket_routing", 9) };
    client.set_baseline(request).await.unwrap();
    let ask = |as_of_time| pb::ResolveBaselinesRequest {
        keys: vec![key("ticket_routing")],
        at_time: h.in_days(-5),
        as_of_time,
    };
    let then = client.resolve_baselines(ask(before)).await.unwrap().into_inner().results.remove(0);
    assert_eq!(baseline(then).baseline_ms, 120_000);
    let now = client.resolve_baselines(ask(None)).await.unwrap().into_inner().results.remove(0);
    assert_eq!(baseline(now).baseline_ms, 540_000);
}

async fn a_change_of_another_replica_is_seen_by_the_next_call(h: Harness) {
    let (here, there) = (h.serve().await, h.serve().await);
    let (mut one, mut other) = (admin(&here), admin(&there));
    for n in 1..=5 {
        let request = minutes("ticket_routing", n);
        let set = one.set_baseline(request).await.unwrap().into_inner();
        let seen = baseline(resolve(&mut other, "ticket_routing", None).await);
        assert_eq!(seen.version.unwrap().version_id, set.catalog_version);
        std::mem::swap(&mut one, &mut other);
    }
}

async fn a_list_of_task_types_holds_for_its_instant(h: Harness) {
    let server = h.serve().await;
    let mut client = admin(&server);
    let tomorrow = pb::SetBaselineRequest {
        effective_time: h.in_days(1),
        ..minutes("email_classification", 5)
    };
    client.set_baseline(tomorrow).await.unwrap();
    for (at_time, expected) in [(None, 4), (h.in_days(1), 5), (h.in_days(-1), 4)] {
        let request = pb::ListTaskTypesRequest { at_time, ..Default::default() };
        let listed = client.list_task_types(request).await.unwrap().into_inner().task_types;
        let of = |listed: &&pb::ListedTaskType| {
            listed.task_type.as_ref().is_some_and(|t| t.task_type == "email_classification")
        };
        let found = listed.iter().find(of).unwrap().baseline.as_ref().unwrap();
        assert_eq!(found.baseline_ms / 60_000, expected);
    }
}
