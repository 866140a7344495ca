//! How long it takes to value a step. Prints, and decides nothing:
//!
//! `cargo bench -p ingest`
#![expect(clippy::unwrap_used, reason = "a program of the workshop")]

/// The domain alone, built into this program: it is pure, and nobody outside of ingest has a use for it.
#[path = "../src/domain/mod.rs"]
#[expect(dead_code, unused_imports, reason = "only what values a step is run")]
mod domain;

use std::hint::black_box;
use std::time::Instant;

use kernel::{Currency, Money, SavingsPolicy, Timestamp, WorkspaceId};

use crate::domain::catalog::{Alias, BaselineKey, BaselineSource};
use crate::domain::pricing::{TokenKind, TokenPrice, Tokens};
use crate::domain::{Catalog, Change, Fact, Patterns, Task, value};

const WORKSPACES: i64 = 1_000;
const TASK_TYPES: i64 = 1_000;
const VERSIONS: i64 = 10;
const EVENTS: usize = 1_000_000;

/// A thousand task types with ten versions each in one workspace, and as many workspaces with a rate, a
/// policy and ten versions of one type.
fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let mut learn = |owner: Option<i64>, effective: i64, fact| {
        let owner = owner.and_then(WorkspaceId::new);
        let effective = Timestamp::from_micros(effective);
        catalog.learn(Change { owner, effective, version: "v".into(), fact });
    };
    let key = |task_type: &str| BaselineKey {
        task_type: task_type.into(),
        language: String::new(),
        channel: String::new(),
    };
    let baseline = |name: &str, minutes: i64| Fact::Baseline {
        key: key(name),
        ms: Some(minutes * 60_000),
        source: BaselineSource::Custom,
    };
    for n in 0..TASK_TYPES {
        let name = format!("type_{n}");
        let alias =
            Alias { name: format!("{name}_nl"), language: "nl".into(), channel: String::new() };
        learn(Some(1), 0, Fact::TaskType { key: name.clone(), aliases: vec![alias], active: true });
        for version in 0..VERSIONS {
            learn(Some(1), version, baseline(&name, version + 1));
        }
    }
    learn(None, 0, Fact::TaskType { key: "shared".into(), aliases: vec![], active: true });
    for workspace in 1..=WORKSPACES {
        for version in 0..VERSIONS {
            learn(Some(workspace), version, baseline("shared", version + 1));
        }
        let rate = Some((85_000_000, Currency::EUR));
        learn(Some(workspace), 0, Fact::Rate { agent_id: String::new(), rate });
        let policy = Fact::Policy {
            policy: SavingsPolicy::Credited,
            subtract_agent_duration: true,
            review_percent: 50,
            edit_ratio_percent: 25,
        };
        learn(Some(workspace), 0, policy);
    }
    let tokens = vec![TokenPrice {
        kind: TokenKind::Input,
        input_tokens_min: 0,
        micros_per_million: 2_500_000,
    }];
    let price = Some((Currency::EUR, tokens));
    let mut patterns = Patterns::default();
    for pattern in ["gpt-4o(-mini)?(-[0-9-]+)?", "claude-.*", "mistral-(small|large)-.*"] {
        let name = patterns.name(pattern).unwrap();
        let (provider, price) = (String::new(), price.clone());
        learn(None, 0, Fact::Price { provider, name, tier: None, price });
    }
    catalog
}

fn task(task_type: &str, language: &str) -> Task {
    Task {
        agent_id: "support-triage".into(),
        task_type: task_type.into(),
        language: language.into(),
        channel: "email".into(),
        outcome: kernel::Outcome::Success,
        occurred: Timestamp::from_micros(VERSIONS / 2),
        duration_ms: Some(1_000),
        human_edit_ms: None,
        edit_ratio: None,
        baseline_ms: None,
        agent_cost: Some(Money { micros: 12_000, currency: Currency::EUR }),
        model: String::new(),
        tokens: Tokens::default(),
    }
}

fn main() {
    let catalog = catalog();
    let tokens = Tokens { input: 1_000, ..Tokens::default() };
    let priced = Task {
        agent_cost: None,
        model: "mistral-large-2411".into(),
        tokens,
        ..task("type_500", "")
    };
    for (name, task, workspace) in [
        ("its own type, cost sent", task("type_500", "nl-be"), 1),
        ("by an alias", task("type_500_nl", ""), 1),
        ("one of a thousand workspaces", task("shared", "nl"), 700),
        ("cost computed by the last of three patterns", priced, 1),
    ] {
        let workspace = WorkspaceId::new(workspace).unwrap();
        let start = Instant::now();
        for _ in 0..EVENTS {
            black_box(value(black_box(&task), workspace, &catalog)).unwrap();
        }
        let each = start.elapsed() / EVENTS as u32;
        println!("{name}: {each:?} an event");
    }
}
