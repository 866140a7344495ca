//! What held when: examples, and the laws that hold for any history.

use kernel::{Currency, Partition, Position, Timestamp, WorkspaceId};
use proptest::prelude::*;

use super::*;
use crate::domain::{Alias, Category, Effort, Life, Name, Rate, Tag};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn key(task_type: &str, language: &str, channel: &str) -> BaselineKey {
    BaselineKey {
        task_type: TaskKey::new(task_type).unwrap(),
        language: Tag::language(language).unwrap(),
        channel: Tag::channel(channel).unwrap(),
    }
}

fn change(seq: i64, number: i64, effective: i64, value: Value) -> Change {
    let position = Position { partition: Partition::new(0).unwrap(), seq };
    let version = Version {
        id: position.to_string(),
        number,
        effective: at(effective),
        recorded: at(1_000 + seq),
        actor: "key:test".to_owned(),
        reason: "a test".to_owned(),
    };
    Change { position, workspace: WorkspaceId::new(1).unwrap(), version, value }
}

fn minutes(key: BaselineKey, minutes: Option<i64>) -> Value {
    Value::Baseline(BaselineValue {
        key,
        effort: minutes.map(|m| Effort::from_ms(m * 60_000).unwrap()),
        citation: String::new(),
    })
}

fn euros(target: RateTarget, euros: Option<i64>) -> Value {
    let rate = euros.map(|e| Rate::new(e * 1_000_000, Currency::EUR).unwrap());
    Value::HourlyRate(RateValue { target, rate })
}

fn held(catalog: &Catalog, key: &BaselineKey, when: i64) -> i64 {
    let recorded = catalog.baseline(key, When::at(at(when))).unwrap();
    recorded.value.effort.unwrap().ms() / 60_000
}

#[test]
fn an_override_of_tomorrow_changes_nothing_today() {
    let general = key("email_classification", "", "");
    let catalog = Catalog::of([change(1, 1, 100, minutes(general.clone(), Some(5)))]);
    assert_eq!(held(&catalog, &general, 99), 4);
    assert_eq!(held(&catalog, &general, 100), 5);
}

#[test]
fn the_most_specific_own_value_wins_and_a_withdrawn_one_steps_aside() {
    let general = key("email_classification", "", "");
    let dutch = key("email_classification", "nl", "");
    let dutch_chat = key("email_classification", "nl", "chat");
    let catalog = Catalog::of([
        change(1, 1, 10, minutes(general.clone(), Some(5))),
        change(2, 1, 10, minutes(dutch.clone(), Some(7))),
        change(3, 2, 20, minutes(dutch.clone(), None)),
    ]);
    assert_eq!(held(&catalog, &dutch_chat, 15), 7);
    assert_eq!(held(&catalog, &dutch_chat, 20), 5);
    assert_eq!(held(&catalog, &key("email_classification", "en", ""), 15), 5);
    assert_eq!(catalog.baselines(&general.task_type, at(15)).len(), 2);
    assert_eq!(catalog.baselines(&general.task_type, at(25)).len(), 1);
}

#[test]
fn a_history_lists_the_newest_first_and_the_built_in_last() {
    let general = key("ticket_routing", "", "");
    let dutch = key("ticket_routing", "nl", "");
    let catalog = Catalog::of([
        change(1, 1, 30, minutes(general.clone(), Some(3))),
        change(2, 1, 30, minutes(dutch, Some(4))),
        change(3, 2, 10, minutes(general.clone(), Some(1))),
    ]);
    let efforts = |with| -> Vec<i64> {
        let history = catalog.baseline_history(&general, with);
        history.iter().map(|r| r.value.effort.unwrap().ms() / 60_000).collect()
    };
    assert_eq!(efforts(Dimensions::Exactly), [1, 3, 2]);
    assert_eq!(efforts(Dimensions::AndMoreSpecific), [1, 4, 3, 2]);
}

#[test]
fn rates_fall_back_to_the_built_in_when_the_default_is_withdrawn() {
    let agent = RateTarget::Agent(Name::new("triage").unwrap());
    let catalog = Catalog::of([
        change(1, 1, 10, euros(RateTarget::Workspace, Some(85))),
        change(2, 1, 10, euros(agent.clone(), Some(60))),
        change(3, 2, 20, euros(RateTarget::Workspace, None)),
    ]);
    let listed = |when| -> Vec<(RateTarget, i64)> {
        let rates = catalog.rates(at(when));
        rates
            .iter()
            .map(|r| (r.value.target.clone(), r.value.rate.unwrap().micros_per_hour()))
            .collect()
    };
    assert_eq!(listed(5), [(RateTarget::Workspace, 45_000_000)]);
    assert_eq!(listed(15), [(RateTarget::Workspace, 85_000_000), (agent.clone(), 60_000_000)]);
    assert_eq!(listed(25), [(agent, 60_000_000), (RateTarget::Workspace, 45_000_000)]);
    assert_eq!(catalog.rate_history().len(), 4);
}

#[test]
fn a_back_dated_version_says_what_it_displaces_and_until_when() {
    let general = key("ticket_routing", "", "");
    let late = change(3, 3, 15, minutes(general.clone(), Some(9)));
    let catalog = Catalog::of([
        change(1, 1, 10, minutes(general.clone(), Some(3))),
        change(2, 2, 20, minutes(general, Some(4))),
        late.clone(),
    ]);
    let displaced = catalog.displaced(&late.value, &late.version).unwrap();
    assert_eq!((displaced.start, displaced.end), (at(15), Some(at(20))));
    assert_eq!(displaced.version_id, Position { seq: 1, ..late.position }.to_string());
}

#[test]
fn a_type_is_judged_beside_those_it_shares_a_name_with_and_no_others() {
    let named = |n: i64, aliases: &[&str]| TaskType {
        key: TaskKey::new(&format!("type_{n}")).unwrap(),
        name: "A type".to_owned(),
        description: String::new(),
        category: Category::Support,
        aliases: aliases
            .iter()
            .map(|alias| Alias {
                alias: TaskKey::new(alias).unwrap(),
                language: None,
                channel: None,
            })
            .collect(),
        life: Life::Active,
    };
    let of = |n, value| change(n, 1, n, Value::TaskType(value));
    let types = (1..=1_000).map(|n| of(n, named(n, &[&format!("alias_{n}")])));
    let shared = of(1_001, named(1_001, &["alias_7"]));
    let catalog = Catalog::of(types.chain([shared]));
    let kin = |task_type: &TaskType| catalog.kin(task_type).len();
    assert_eq!(kin(&named(1_002, &["alias_8", "another"])), 4, "its three names, and type_8");
    assert_eq!(kin(&named(7, &["alias_7"])), 3);
    assert!(catalog.refuse_names(&named(1_002, &["another"]), at(0)).is_none());
    let taken = catalog.refuse_names(&named(1_002, &["alias_1000"]), at(0)).unwrap();
    assert_eq!(taken.why, Why::NameTaken, "from its moment on");
}

proptest! {
    /// Any history, any moment: what holds is the version with the latest effective time not after
    /// it, of several the one recorded last.
    #[test]
    fn what_holds_is_what_a_plain_search_finds(
        versions in proptest::collection::vec((0i64..50, proptest::option::of(1i64..100)), 0..20),
        when in 0i64..60,
    ) {
        let general = key("email_classification", "", "");
        let catalog = Catalog::of(versions.iter().enumerate().map(|(index, (effective, value))| {
            let seq = index as i64 + 1;
            change(seq, seq, *effective, minutes(general.clone(), *value))
        }));
        let expected = versions
            .iter()
            .enumerate()
            .filter(|(_, (effective, _))| *effective <= when)
            .max_by_key(|(index, (effective, _))| (*effective, *index))
            .and_then(|(_, (_, value))| *value)
            .unwrap_or(4);
        prop_assert_eq!(held(&catalog, &general, when), expected);
    }

    /// A new version changes what holds inside the span it reports, and nowhere else.
    #[test]
    fn a_change_moves_only_the_span_it_reports(
        versions in proptest::collection::vec((0i64..50, 1i64..100), 1..12),
        new in (0i64..50, 100i64..200),
        when in 0i64..60,
    ) {
        let general = key("email_classification", "", "");
        let mut changes: Vec<Change> = (1..)
            .zip(&versions)
            .map(|(seq, (effective, value))| {
                change(seq, seq, *effective, minutes(general.clone(), Some(*value)))
            })
            .collect();
        let before = Catalog::of(changes.clone());
        let seq = versions.len() as i64 + 1;
        let added = change(seq, seq, new.0, minutes(general.clone(), Some(new.1)));
        changes.push(added.clone());
        let after = Catalog::of(changes);
        let end = versions.iter().map(|(effective, _)| *effective).filter(|e| *e > new.0).min();
        if let Some(displaced) = after.displaced(&added.value, &added.version) {
            prop_assert_eq!((displaced.start, displaced.end), (at(new.0), end.map(at)));
        }
        let inside = new.0 <= when && end.is_none_or(|end| when < end);
        let expected = if inside { new.1 } else { held(&before, &general, when) };
        prop_assert_eq!(held(&after, &general, when), expected);
    }
}
