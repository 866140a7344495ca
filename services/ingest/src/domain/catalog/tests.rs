//! Which version of a value is in force, and for whom.

use super::*;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn key(task_type: &str, language: &str) -> BaselineKey {
    BaselineKey { task_type: task_type.into(), language: language.into(), channel: String::new() }
}

fn change(owner: Owner, effective: i64, fact: Fact) -> Change {
    Change { owner, effective: at(effective), version: format!("v{effective}"), fact }
}

fn baseline(key: BaselineKey, minutes: i64, source: BaselineSource) -> Fact {
    Fact::Baseline { key, ms: Some(minutes * 60_000), source }
}

fn catalog() -> (Catalog, WorkspaceId) {
    let mut catalog = Catalog::default();
    for (name, minutes) in [("email_classification", 4), ("ticket_routing", 2)] {
        let alias =
            Alias { name: format!("{name}_nl"), language: "nl".into(), channel: String::new() };
        let exists = Fact::TaskType { key: name.into(), aliases: vec![alias], active: true };
        catalog.learn(change(None, 0, exists));
        catalog.learn(change(None, 0, baseline(key(name, ""), minutes, BaselineSource::BuiltIn)));
    }
    (catalog, WorkspaceId::new(1).unwrap())
}

fn asked(key: &BaselineKey) -> Asked<'_> {
    Asked { task_type: &key.task_type, language: &key.language, channel: &key.channel }
}

fn minutes(catalog: &Catalog, workspace: WorkspaceId, sent: BaselineKey, when: i64) -> Option<i64> {
    catalog.baseline(workspace, asked(&sent), at(when)).unwrap().map(|b| b.ms / 60_000)
}

#[test]
fn an_override_holds_from_its_moment_and_only_for_its_workspace() {
    let (mut catalog, workspace) = catalog();
    let other = WorkspaceId::new(2).unwrap();
    let own = baseline(key("email_classification", ""), 5, BaselineSource::Override);
    catalog.learn(change(Some(workspace), 100, own));
    let asked = key("email_classification", "");
    assert_eq!(minutes(&catalog, workspace, asked.clone(), 99), Some(4));
    assert_eq!(minutes(&catalog, workspace, asked.clone(), 100), Some(5));
    assert_eq!(minutes(&catalog, other, asked, 100), Some(4));
}

#[test]
fn a_suffixed_name_is_the_task_type_in_that_language() {
    let (mut catalog, workspace) = catalog();
    let dutch = baseline(key("email_classification", "nl"), 6, BaselineSource::Override);
    catalog.learn(change(Some(workspace), 0, dutch));
    assert_eq!(minutes(&catalog, workspace, key("email_classification_nl", ""), 1), Some(6));
    assert_eq!(minutes(&catalog, workspace, key("email_classification", "nl-BE"), 1), Some(6));
    assert_eq!(minutes(&catalog, workspace, key("email_classification", "en"), 1), Some(4));
}

#[test]
fn an_alias_holds_as_long_as_the_definition_in_force_says_so() {
    let (mut catalog, workspace) = catalog();
    let other = WorkspaceId::new(2).unwrap();
    let alias = Alias { name: "route".into(), language: String::new(), channel: String::new() };
    let own = Fact::TaskType { key: "ticket_routing".into(), aliases: vec![alias], active: true };
    catalog.learn(change(Some(workspace), 100, own));
    let held = |who, name, when| catalog.baseline(who, asked(&key(name, "")), at(when)).is_ok();
    assert!(held(workspace, "ticket_routing_nl", 99) && !held(workspace, "route", 99));
    assert!(!held(workspace, "ticket_routing_nl", 100) && held(workspace, "route", 100));
    assert!(held(other, "ticket_routing_nl", 100) && !held(other, "route", 100));
}

#[test]
fn an_archived_type_is_unknown_from_its_moment_on_by_every_name() {
    let (mut catalog, workspace) = catalog();
    let alias = Alias { name: "chat_nl".into(), language: "nl".into(), channel: String::new() };
    let chat = |active| Fact::TaskType { key: "chat".into(), aliases: vec![alias.clone()], active };
    catalog.learn(change(Some(workspace), 0, chat(true)));
    catalog.learn(change(Some(workspace), 0, baseline(key("chat", ""), 2, BaselineSource::Custom)));
    catalog.learn(change(Some(workspace), 100, chat(false)));
    for name in ["chat", "chat_nl"] {
        assert_eq!(minutes(&catalog, workspace, key(name, ""), 99), Some(2));
        assert!(catalog.baseline(workspace, asked(&key(name, "")), at(100)).is_err());
    }
}

#[test]
fn a_tag_is_the_same_in_any_case() {
    let (mut catalog, workspace) = catalog();
    let flemish = baseline(key("ticket_routing", "nl-be"), 3, BaselineSource::Override);
    catalog.learn(change(Some(workspace), 0, flemish));
    assert_eq!(minutes(&catalog, workspace, key("ticket_routing", "nl-BE"), 1), Some(3));
}

#[test]
fn a_misspelt_name_is_refused_with_the_nearest() {
    let (catalog, workspace) = catalog();
    let unknown =
        catalog.baseline(workspace, asked(&key("email_clasification", "")), at(1)).unwrap_err();
    assert_eq!(unknown.nearest, ["email_classification"]);
    let unknown = catalog.baseline(workspace, asked(&key("zzz", "")), at(1)).unwrap_err();
    assert!(unknown.nearest.is_empty());
}

#[test]
fn a_withdrawn_override_uncovers_the_built_in() {
    let (mut catalog, workspace) = catalog();
    let asked = key("ticket_routing", "");
    catalog.learn(change(
        Some(workspace),
        10,
        baseline(asked.clone(), 3, BaselineSource::Override),
    ));
    let gone = Fact::Baseline { key: asked.clone(), ms: None, source: BaselineSource::Override };
    catalog.learn(change(Some(workspace), 20, gone));
    assert_eq!(minutes(&catalog, workspace, asked.clone(), 15), Some(3));
    assert_eq!(minutes(&catalog, workspace, asked, 25), Some(2));
}

#[test]
fn an_agents_rate_comes_before_the_workspaces_and_that_before_45_euros() {
    let (mut catalog, workspace) = catalog();
    assert_eq!(catalog.rate(workspace, "a", at(1)).micros_per_hour, 45_000_000);
    for (agent, euros) in [("", 85), ("a", 20)] {
        let rate = Some((euros * 1_000_000, Currency::EUR));
        catalog.learn(change(Some(workspace), 5, Fact::Rate { agent_id: agent.into(), rate }));
    }
    assert_eq!(catalog.rate(workspace, "a", at(5)).micros_per_hour, 20_000_000);
    assert_eq!(catalog.rate(workspace, "b", at(5)).micros_per_hour, 85_000_000);
    assert_eq!(catalog.rate(workspace, "b", at(4)).micros_per_hour, 45_000_000);
}
