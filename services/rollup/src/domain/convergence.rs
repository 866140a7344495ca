//! Whatever the order of the entries and wherever batches are cut, the cells are those of a recount.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use kernel::{Outcome, SavingsPolicy, Window, WorkspaceId};
use proptest::prelude::*;

use crate::domain::samples::{DAY, START, fold, query, step, workspace};
use crate::domain::{
    AlignedWindow, Amendment, Correction, Durations, Fact, Grain, Held, Judgement, Level, Measures,
    Recount, Spent, Step, TicketSet,
};

/// What a log says about one step: how it was judged and which of that was taken back.
#[derive(Debug, Clone)]
struct Story {
    step: Step,
    judgements: Vec<(Judgement, bool)>,
    retracted: bool,
}

fn any_step() -> impl Strategy<Value = Step> {
    let outcome = prop::sample::select(Outcome::ALL.to_vec());
    let text = prop::sample::select(vec!["a", "A", "é", ""]);
    // A part of them long ago: late arrivals.
    let offset = 0i64..20 * DAY;
    (outcome, text, 1i64..600, offset, 0..8u32, any::<bool>()).prop_map(
        |(outcome, agent, minutes, offset, ticket, measured)| {
            let mut step = step("ticket_routing", minutes, outcome, START + offset);
            step.dimensions.agent = agent.to_owned();
            step.ticket = (ticket > 0).then(|| format!("T-{ticket}"));
            let ms = |ms: i64| u32::try_from(ms).ok().filter(|_| measured);
            step.spent = Spent {
                agent_ms: ms(minutes * 977),
                human_edit_ms: ms(minutes * 1_000),
                baseline_ms: None,
            };
            if let Some(effort) = &mut step.effort {
                effort.human_edit_ms = measured.then_some(minutes * 1_000);
            }
            step
        },
    )
}

fn any_story() -> impl Strategy<Value = Story> {
    let outcome = prop::sample::select(Outcome::ALL.to_vec());
    let judgement = (outcome, prop::option::of(0i64..100_000))
        .prop_map(|(outcome, human_edit_ms)| Judgement { outcome, human_edit_ms });
    let judgements = prop::collection::vec((judgement, any::<bool>()), 0..3);
    (any_step(), judgements, prop::bool::weighted(0.2))
        .prop_map(|(step, judgements, retracted)| Story { step, judgements, retracted })
}

/// The entries of a log, each at its place; a part of the corrections comes twice.
fn entries(stories: &[Story]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (place, story) in (1i64..).map(|n| n * 100).zip(stories) {
        facts.push(Fact::Step(story.step.clone()));
        let mut correct = |original: Option<Step>, amends| {
            let correction = Correction { workspace: workspace(), step: place, original, amends };
            facts.push(Fact::Correction(correction));
        };
        let original = || Some(story.step.clone());
        for (seq, (judgement, retracted)) in (place + 1..).zip(&story.judgements) {
            correct(original(), Amendment::Judged { seq, judgement: *judgement });
            if *retracted {
                correct(None, Amendment::JudgementRetracted { seq });
                correct(None, Amendment::JudgementRetracted { seq });
            }
        }
        if story.retracted {
            correct(original(), Amendment::StepRetracted);
            correct(original(), Amendment::StepRetracted);
        }
    }
    facts
}

/// What remains when everything has been said: plain steps, nothing to take back.
fn outcome_of(stories: &[Story]) -> Vec<Step> {
    let standing = stories.iter().filter(|story| !story.retracted);
    standing
        .map(|story| {
            let last = story.judgements.iter().rev().find(|(_, retracted)| !retracted);
            last.map_or(story.step.clone(), |(judgement, _)| {
                story.step.judged(judgement.outcome, judgement.human_edit_ms)
            })
        })
        .collect()
}

/// Of a window in which every cell begins, weeks too.
fn empty() -> Recount {
    let month = query(SavingsPolicy::Credited).window.window();
    let start = Level::Week.floor(month.start());
    let window = AlignedWindow::new(Window::new(start, month.end()).unwrap()).unwrap();
    Recount::new(workspace(), window)
}

/// Cells with tickets under numbers that do not depend on who came first.
fn cells(recount: &Recount) -> Vec<Held> {
    let ids = recount.tickets();
    let mut sorted: Vec<&String> = ids.iter().collect();
    sorted.sort();
    let numbers: BTreeMap<&String, u32> = sorted.into_iter().zip(0u32..).collect();
    // Tickets that were only ever taken back have a number too: let it depend on the id alone.
    let numbers: Vec<u32> =
        ids.iter().map(|id| id[2..].parse().unwrap_or(1_000 + numbers[id])).collect();
    recount.held(&numbers)
}

fn shuffle<T>(list: &mut [T], mut seed: u64) {
    for at in (1..list.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        list.swap(at, (seed >> 33) as usize % (at + 1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn any_order_revision_and_retraction_gives_the_cells_of_a_recount(
        stories in prop::collection::vec(any_story(), 1..12),
        seed in any::<u64>(),
        batch in 1usize..30,
    ) {
        let mut facts = entries(&stories);
        shuffle(&mut facts, seed);
        let mut counted = empty();
        for part in facts.chunks(batch) {
            counted.take(part.to_vec());
        }
        let mut expected = empty();
        expected.apply(&fold(&outcome_of(&stories)));
        prop_assert_eq!(cells(&counted), cells(&expected));
    }
}

proptest! {
    #[test]
    fn cells_of_every_length_and_grain_add_up_to_the_same(
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        let mut counted = empty();
        for part in steps.chunks(7) {
            counted.apply(&fold(part));
        }
        let cells = cells(&counted);
        let sum = |grain, level| {
            let mut sums = (Measures::default(), TicketSet::default(), Durations::default());
            for held in cells.iter().filter(|held| (held.grain, held.level) == (grain, level)) {
                let cell = held.cell();
                sums.0 += cell.measures;
                sums.1.merge(&cell.tickets);
                sums.2.merge(&cell.durations);
            }
            sums
        };
        let days = sum(Grain::Full, Level::Day);
        let measured = steps.iter().filter(|step| step.spent.agent_ms.is_some()).count();
        prop_assert_eq!((days.0.events, days.2.count()), (steps.len() as i64, measured as i64));
        for grain in Grain::ALL {
            for level in grain.levels() {
                prop_assert_eq!(&sum(grain, *level), &days);
            }
        }
        let places = |held: &Held| held.grain.levels().contains(&held.level);
        prop_assert!(cells.iter().all(places));
    }
}

#[test]
fn two_workspaces_never_share_a_cell() {
    let mine = step("ticket_routing", 2, Outcome::Success, START);
    let mut theirs = mine.clone();
    theirs.workspace = WorkspaceId::new(8).unwrap();
    let folded = fold(&[mine, theirs]);
    let each: usize = Grain::ALL.iter().map(|grain| grain.levels().len()).sum();
    assert_eq!(folded.cells(&[]).len(), 2 * each);
}
