//! Reading and writing packs: every mistake has a line, and nothing is lost on the way.

use proptest::prelude::*;

use super::super::node::Form;
use super::*;

fn refusals(document: &str) -> Vec<(u32, String, Why)> {
    let wrongs = Pack::read(document).unwrap_err().into_vec();
    wrongs.into_iter().map(|wrong| (wrong.line, wrong.field, wrong.problem.why)).collect()
}

fn refusal(line: u32, field: &str, why: Why) -> (u32, String, Why) {
    (line, field.to_owned(), why)
}

#[test]
fn every_mistake_is_named_with_its_line_and_field() {
    let document = "\
pack: broken
baselines:
  - task_type: email_classification
    effort: -4m
  - task_type: Ticket Routing
    efort: 2m
hourly_rates:
  - per_hour: 85
    currency_code: EURO
reporting_defaults:
  - time_zone: \"+01:00\"
intents:
  - intent: refund
    risk: enormous
    call_limits:
      retries_max: 101
";
    let expected = [
        refusal(4, "baselines[0].effort", Why::Invalid),
        refusal(5, "baselines[1].task_type", Why::Invalid),
        refusal(5, "baselines[1].effort", Why::Required),
        refusal(6, "baselines[1].efort", Why::Invalid),
        refusal(9, "hourly_rates[0].currency_code", Why::UnknownCurrency),
        refusal(11, "reporting_defaults[0].time_zone", Why::NotATimeZone),
        refusal(14, "intents[0].risk", Why::Invalid),
        refusal(16, "intents[0].call_limits.retries_max", Why::OutOfRange),
    ];
    assert_eq!(refusals(document), expected);
}

#[test]
fn what_is_no_pack_is_refused_where_it_goes_wrong() {
    for (document, line) in [
        ("", 1),
        ("pack: a\npack: b\n", 2),
        ("pack: a\nbaselines: [\n", 3),
        ("pack: &a x\n", 1),
        ("a: &x 1\nb: *x\n", 1),
        ("pack: !!str a\n", 1),
        ("pack: a\n---\npack: b\n", 3),
        ("? [1]\n: 2\n", 1),
        (&"[".repeat(40), 1),
    ] {
        let found = refusals(document);
        assert_eq!(found.len(), 1, "{document:?} {found:?}");
        assert_eq!(found[0].0, line, "{document:?} {found:?}");
    }
    assert_eq!(refusals("pack: a\nbaseline: []\n"), [refusal(2, "baseline", Why::Invalid)]);
    assert_eq!(refusals("baselines: []\n"), [refusal(1, "pack", Why::Required)]);
    assert_eq!(refusals("- a\n"), [refusal(1, "", Why::Invalid)]);
    assert_eq!(refusals(&"x".repeat(BYTES_MAX + 1))[0].2, Why::TooLarge);
}

#[test]
fn one_thing_stands_once_for_each_moment() {
    let document = "\
pack: a
baselines:
  - {task_type: a, effort: 1m}
  - {task_type: a, effort: 2m, effective_time: 2026-01-01T00:00:00Z}
  - {task_type: a, effort: 3m}
";
    assert_eq!(refusals(document), [refusal(5, "baselines[2]", Why::Invalid)]);
}

#[test]
fn norway_is_a_language() {
    let document = "pack: a\nbaselines: [{task_type: a, language: no, effort: 1m30s}]\n";
    let pack = Pack::read(document).unwrap();
    let Value::Baseline(baseline) = &pack.entries[0].value else { panic!("{pack:?}") };
    assert_eq!(baseline.key.language.as_ref().map(super::super::Tag::as_str), Some("no"));
    assert_eq!(baseline.effort.unwrap().ms(), 90_000);
}

#[test]
fn what_is_written_is_read_back_as_the_same_values() {
    let starter =
        Pack::read(include_str!("../../../../../deploy/packs/support-starter.yaml")).unwrap();
    let values: Vec<Value> = starter.entries.into_iter().map(|entry| entry.value).collect();
    let again = Pack::read(&Pack::write("again", "Two\nlines: # of \"text\"", &values)).unwrap();
    assert_eq!(again.entries.into_iter().map(|entry| entry.value).collect::<Vec<_>>(), values);
}

fn without_lines(node: &Node) -> Node {
    let form = match &node.form {
        Form::Text(text) => Form::Text(text.clone()),
        Form::List(items) => Form::List(items.iter().map(without_lines).collect()),
        Form::Map(entries) => {
            Form::Map(entries.iter().map(|(k, v)| (k.clone(), without_lines(v))).collect())
        }
    };
    Node { line: 0, form }
}

fn any_node() -> impl Strategy<Value = Node> {
    let text = proptest::string::string_regex("[ -~é\n\t]{1,12}").unwrap().prop_map(Node::text);
    text.prop_recursive(3, 16, 4, |inner| {
        let map = proptest::collection::btree_map("[a-z_]{1,6}", inner.clone(), 1..4);
        prop_oneof![
            proptest::collection::vec(inner, 1..4).prop_map(Node::list),
            map.prop_map(|map| Node { line: 0, form: Form::Map(map.into_iter().collect()) }),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_survives_being_written_as_yaml(node in any_node()) {
        let map = Entries::default().map("a", node).node();
        prop_assert_eq!(without_lines(&yaml::read(&yaml::write(&map)).unwrap()), map);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[ -~\n]{0,200}") {
        let _ = Pack::read(&text);
    }
}

#[test]
fn limits_are_written_whole_so_that_another_default_changes_none() {
    let pack = Pack::read("pack: a\nintents: [{intent: refund, risk: low}]\n").unwrap();
    let written = shown(&pack.entries[0].value);
    let limits = "\
call_limits:
  retries_max: 2
  identical_calls_max: 1
  identical_retryable_calls_max: 2
  memory_duration: 1d
";
    assert!(written.ends_with(limits), "{written}");
}
