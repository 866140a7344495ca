//! Restated cells are those of the same steps valued today, and every difference has its cause.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use kernel::{Currency, Effort, Exact, Money, Outcome, SavingsPolicy};
use proptest::prelude::*;

use crate::domain::differences::DIFFERENCES_MAX;
use crate::domain::samples::{DAY, MINUTE, START, fold, query, step, workspace};
use crate::domain::{
    Baseline, Cause, Cell, Cost, Difference, Differences, Dimensions, Grain, HourlyRate, Measures,
    OWN, Query, Rate, Recount, Rules, Spent, Step, Tally, Today, Work, overview, restate, works,
};

const CREDITED: SavingsPolicy = SavingsPolicy::Credited;
const TYPES: [&str; 3] = ["drafts", "routing", "unheard_of"];

fn dollars() -> Currency {
    Currency::new("USD").unwrap()
}

fn work(task_type: &str) -> Work {
    Work { task_type: task_type.to_owned(), language: String::new(), channel: String::new() }
}

fn rate(euros: i64, currency: Currency, version: &str) -> HourlyRate {
    let rate = Rate { micros_per_hour: euros * 1_000_000, currency };
    HourlyRate { rate, version: version.to_owned() }
}

fn rules(subtract_agent_duration: bool, review_percent: i64, version: &str) -> Rules {
    Rules { subtract_agent_duration, review_percent, version: version.to_owned() }
}

/// As the samples were valued: minutes by task type, EUR 85, agent durations subtracted, half a review.
fn catalog(minutes: &[(&str, i64)]) -> Today {
    let baseline = |minutes| Some(Baseline { ms: minutes * MINUTE, version: "1".to_owned() });
    Today {
        rules: rules(true, 50, "1"),
        rate: rate(85, Currency::EUR, "1"),
        agents: BTreeMap::new(),
        baselines: minutes.iter().map(|&(of, minutes)| (work(of), baseline(minutes))).collect(),
        earlier: BTreeMap::new(),
    }
}

/// The same, with another baseline that follows the one recorded.
fn since(mut today: Today, of: &str, minutes: i64) -> Today {
    let before = today.baseline(&work(of)).map(|baseline| baseline.ms);
    today.earlier.insert((work(of), "1".to_owned()), before);
    let baseline = Baseline { ms: minutes * MINUTE, version: "2".to_owned() };
    today.baselines.insert(work(of), Some(baseline));
    today
}

/// The same step as the door would have valued it by `today`.
fn valued(step: &Step, today: &Today) -> Step {
    let mut step = step.clone();
    let baseline = today.baseline(&Work::of(&step.dimensions));
    let own = step.spent.baseline_ms.map(|ms| (i64::from(ms), OWN));
    let found = own.or(baseline.map(|baseline| (baseline.ms, baseline.version.as_str())));
    let rate = found.map(|_| today.rate(&step.dimensions.agent));
    let agent_ms = step.spent.agent_ms.filter(|_| today.rules.subtract_agent_duration);
    step.effort = found.map(|(baseline_ms, _)| Effort {
        baseline_ms,
        agent_ms: agent_ms.unwrap_or(0).into(),
        human_edit_ms: step.spent.human_edit_ms.map(i64::from),
        review_percent: today.rules.review_percent,
    });
    let was = step.dimensions.rate.map(|rate| rate.currency);
    step.dimensions.baseline_version = found.map(|(_, version)| version).unwrap_or("").to_owned();
    step.dimensions.rate_version = rate.map_or_else(String::new, |rate| rate.version.clone());
    step.dimensions.rate = rate.map(|rate| rate.rate);
    // The amount of its day holds in the currency it was converted into.
    if was != step.dimensions.rate.map(|rate| rate.currency) {
        step.cost = step.cost.map(|cost| cost.converted(None));
    }
    step
}

fn cells(steps: &[Step]) -> Vec<Cell> {
    let mut recount = Recount::new(workspace(), query(CREDITED).window);
    recount.apply(&fold(steps));
    recount.read(Grain::Full, &query(CREDITED).window)
}

fn restated(query: &Query, cells: Vec<Cell>, today: &Today) -> (Vec<Cell>, Vec<Difference>) {
    let mut differences = Differences::default();
    let cells = cells.into_iter().map(|cell| {
        let (before, cell) = restate(cell, today);
        if query.passes(&cell.dimensions) {
            differences.add(query.policy, &before, &cell, today);
        }
        cell
    });
    (cells.collect(), differences.finish())
}

/// What a step looks like to whoever adds up: by dimensions, without what became zero.
fn sums(cells: &[Cell]) -> BTreeMap<Dimensions, Measures> {
    let mut sums: BTreeMap<Dimensions, Measures> = BTreeMap::new();
    for cell in cells {
        *sums.entry((*cell.dimensions).clone()).or_default() += cell.measures;
    }
    sums
}

/// Milliseconds and euros that a step of a day is worth now, and why.
fn one(step: &Step, recorded: &Today, today: &Today) -> (Tally, Vec<Difference>) {
    let query = query(CREDITED);
    let (cells, differences) = restated(&query, cells(&[valued(step, recorded)]), today);
    (overview(&query, &cells), differences)
}

fn causes(differences: &[Difference]) -> Vec<(Cause, i64)> {
    differences.iter().map(|difference| (difference.cause, difference.saved_ms)).collect()
}

fn draft(outcome: Outcome, spent: Spent) -> Step {
    let mut step = step("drafts", 8, outcome, START);
    step.spent = spent;
    step
}

#[test]
fn eight_minutes_that_are_ten_today_are_two_more_and_the_baseline_is_why() {
    let then = catalog(&[("drafts", 8)]);
    let today = since(then.clone(), "drafts", 10);
    let (tally, differences) = one(&draft(Outcome::Success, Spent::default()), &then, &today);
    assert_eq!(tally.saved_ms(), 10 * MINUTE);
    let expected = Difference {
        cause: Cause::Baseline,
        task_type: Some("drafts".to_owned()),
        saved_ms: 2 * MINUTE,
        cost_saved: vec![Money { micros: 14_166_667 - 11_333_333, currency: Currency::EUR }],
        from_version: Some("1".to_owned()),
        to_version: Some("2".to_owned()),
    };
    assert_eq!(differences, [expected]);
}

#[test]
fn an_agent_slower_than_the_baseline_saves_once_the_baseline_is_longer_than_it_took() {
    let then = catalog(&[("drafts", 8)]);
    let spent = Spent { agent_ms: Some(9 * 60_000), ..Spent::default() };
    let slow = draft(Outcome::Success, spent);
    let today = since(then.clone(), "drafts", 10);
    let (tally, differences) = one(&slow, &then, &today);
    assert_eq!(tally.saved_ms(), MINUTE, "ten less nine, and not two more than nothing");
    assert_eq!(causes(&differences), [(Cause::Baseline, MINUTE)]);
    let today = Today { rules: rules(false, 50, "p2"), ..today };
    let (tally, differences) = one(&slow, &then, &today);
    assert_eq!(tally.saved_ms(), 10 * MINUTE);
    assert_eq!(
        causes(&differences),
        [(Cause::Policy, 8 * MINUTE), (Cause::Baseline, 2 * MINUTE)],
        "the rules first, at the baseline of the day"
    );
    assert_eq!(differences[0].to_version.as_deref(), Some("p2"));
}

#[test]
fn every_review_is_cut_to_the_millisecond_by_itself() {
    let mut then = catalog(&[("drafts", 8)]);
    then.baselines.insert(work("drafts"), Some(Baseline { ms: 3, version: "1".to_owned() }));
    let mut today = then.clone();
    today.baselines.insert(work("drafts"), Some(Baseline { ms: 5, version: "2".to_owned() }));
    let reviews = vec![valued(&draft(Outcome::NeedsReview, Spent::default()), &then); 3];
    let query = query(CREDITED);
    let (cells, _) = restated(&query, cells(&reviews), &today);
    assert_eq!(overview(&query, &cells).saved_ms(), 3 * 2, "half of five is two");
}

#[test]
fn a_baseline_that_came_with_the_event_stays() {
    let then = catalog(&[("drafts", 8)]);
    let own = Spent { baseline_ms: Some(180_000), ..Spent::default() };
    let (tally, differences) =
        one(&draft(Outcome::Success, own), &then, &since(then.clone(), "drafts", 10));
    assert_eq!((tally.saved_ms(), differences), (3 * MINUTE, Vec::new()));
    // Even of a task type that nobody knows.
    let (tally, _) = one(&draft(Outcome::Success, own), &then, &catalog(&[]));
    assert_eq!((tally.saved_ms(), tally.unvalued()), (3 * MINUTE, 0));
}

#[test]
fn what_the_catalog_did_not_know_is_valued_and_what_it_no_longer_knows_is_not() {
    let (known, unknown) = (catalog(&[("drafts", 8)]), catalog(&[]));
    let step = draft(Outcome::Success, Spent::default());
    let (tally, differences) = one(&step, &unknown, &known);
    assert_eq!((tally.saved_ms(), tally.unvalued()), (8 * MINUTE, 0));
    assert_eq!(causes(&differences), [(Cause::ValuedSince, 8 * MINUTE)]);
    let versions = (&differences[0].from_version, &differences[0].to_version);
    assert_eq!(versions, (&None, &Some("1".to_owned())));
    let (tally, differences) = one(&step, &known, &unknown);
    assert_eq!((tally.saved_ms(), tally.unvalued(), tally.cost_saved()), (0, 1, vec![]));
    assert_eq!(causes(&differences), [(Cause::NotValuedNow, -8 * MINUTE)]);
}

#[test]
fn a_rate_in_another_currency_takes_costs_with_it_only_where_they_were_converted_into_it() {
    let then = catalog(&[("drafts", 8)]);
    let today = Today { rate: rate(60, dollars(), "r2"), ..then.clone() };
    let mut step = draft(Outcome::Success, Spent::default());
    let (tally, differences) = one(&step, &then, &today);
    let usd = |micros| Money { micros, currency: dollars() };
    let eur = |micros| Money { micros, currency: Currency::EUR };
    assert_eq!(tally.cost_saved(), [usd(8_000_000)]);
    assert_eq!(tally.net_saved(), [eur(-12_000), usd(8_000_000)], "in its own, and counted");
    assert_eq!(tally.unconverted(), 1);
    assert_eq!(differences.len(), 1);
    assert_eq!((differences[0].cause, differences[0].saved_ms), (Cause::Rate, 0));
    assert_eq!(differences[0].cost_saved, [eur(-11_333_333), usd(8_000_000)]);
    // A cost in dollars that was converted into euros is one in the rate's own currency today.
    step.cost = Cost::new(5_000, dollars()).map(|cost| cost.converted(Some(4_500)));
    step.dimensions.cost_currency = Some(dollars());
    let (tally, _) = one(&step, &then, &today);
    assert_eq!((tally.net_saved(), tally.unconverted()), (vec![usd(7_995_000)], 0));
    // And one converted into euros stays converted while the rate is in euros.
    let dearer = Today { rate: rate(90, Currency::EUR, "r3"), ..then.clone() };
    let (tally, _) = one(&step, &then, &dearer);
    assert_eq!((tally.net_saved(), tally.unconverted()), (vec![eur(11_995_500)], 0));
}

#[test]
fn an_agent_with_a_rate_of_its_own_is_restated_by_that() {
    let then = catalog(&[("drafts", 6)]);
    let own = rate(100, Currency::EUR, "a1");
    let agents = BTreeMap::from([("support-triage".to_owned(), own)]);
    let today = Today { agents, ..then.clone() };
    let (tally, _) = one(&draft(Outcome::Success, Spent::default()), &then, &today);
    assert_eq!(tally.cost_saved(), [Money { micros: 10_000_000, currency: Currency::EUR }]);
}

#[test]
fn a_version_that_is_in_no_history_leaves_the_whole_change_to_the_baseline() {
    let then = catalog(&[("drafts", 8)]);
    let mut today = since(then.clone(), "drafts", 10);
    today.earlier.clear();
    let (_, differences) = one(&draft(Outcome::Success, Spent::default()), &then, &today);
    assert_eq!(causes(&differences), [(Cause::Baseline, 2 * MINUTE)]);
}

#[test]
fn past_a_hundred_entries_the_smallest_are_one_and_all_of_them_still_add_up() {
    let names: Vec<String> = (0..150).map(|n| format!("type_{n:03}")).collect();
    let minutes: Vec<_> = names.iter().map(|name| (name.as_str(), 8)).collect();
    let then = catalog(&minutes);
    let today = (1..).zip(&names).fold(then.clone(), |today, (n, name)| since(today, name, 8 + n));
    let steps: Vec<_> =
        names.iter().map(|name| valued(&step(name, 8, Outcome::Success, START), &then)).collect();
    let (_, differences) = restated(&query(CREDITED), cells(&steps), &today);
    assert!(differences.len() <= DIFFERENCES_MAX, "{}", differences.len());
    assert_eq!(differences[0].task_type.as_deref(), Some("type_149"));
    assert_eq!(differences.last().unwrap().task_type, None);
    let all: i64 = differences.iter().map(|difference| difference.saved_ms).sum();
    assert_eq!(all, (1..=150).sum::<i64>() * MINUTE);
}

#[test]
fn what_is_to_be_looked_up_is_each_work_with_the_version_it_was_valued_by() {
    let then = catalog(&[("drafts", 8)]);
    let steps =
        [draft(Outcome::Success, Spent::default()), draft(Outcome::Failure, Spent::default())];
    let steps = steps.map(|step| valued(&step, &then));
    assert_eq!(works(cells(&steps).iter()), [(work("drafts"), "1".to_owned())].into());
}

prop_compose! {
    fn any_step()(
        outcome in prop::sample::select(Outcome::ALL.to_vec()),
        of in 0..TYPES.len(),
        agent in prop::sample::select(vec!["a", "b"]),
        agent_ms in prop::option::of(0u32..900_000),
        human_edit_ms in prop::option::of(0u32..300_000),
        baseline_ms in prop::option::weighted(0.2, 1u32..900_000),
        cost in prop::option::of((1i64..90_000, any::<bool>(), prop::option::of(1i64..90_000))),
        at in 0i64..2 * DAY,
    ) -> Step {
        let mut step = step(TYPES[of], 1, outcome, START + at);
        step.dimensions.agent = agent.to_owned();
        step.spent = Spent { agent_ms, human_edit_ms, baseline_ms };
        step.cost = cost.and_then(|(micros, is_euro, converted)| {
            let currency = if is_euro { Currency::EUR } else { dollars() };
            // The door converts what is in another currency than the rate, which is in euros then.
            let converted = converted.filter(|_| !is_euro);
            Some(Cost::new(micros, currency)?.converted(converted))
        });
        step.dimensions.cost_currency = step.cost.map(|cost| cost.currency());
        step
    }
}

prop_compose! {
    /// What the catalog may say, a baseline's version by what it says. EUR is what the samples cost.
    fn any_catalog(currency: fn() -> Currency)(
        ms in prop::collection::vec(prop::option::weighted(0.8, 1i64..900_000), TYPES.len()),
        subtract in any::<bool>(),
        percent in 0i64..101,
        (euros, own) in (1i64..200, prop::option::of(1i64..200)),
    ) -> Today {
        let baselines = TYPES.iter().zip(ms).map(|(of, ms)| {
            (work(of), ms.map(|ms| Baseline { ms, version: ms.to_string() }))
        });
        let of = |euros: i64| rate(euros, currency(), &format!("r{euros}"));
        Today {
            rules: rules(subtract, percent, "p"),
            rate: of(euros),
            agents: own.map(|euros| ("b".to_owned(), of(euros))).into_iter().collect(),
            baselines: baselines.collect(),
            earlier: BTreeMap::new(),
        }
    }
}

/// With what it must know of the versions recorded.
fn knowing(mut today: Today, then: &Today) -> Today {
    for (work, baseline) in &then.baselines {
        if let Some(baseline) = baseline {
            today.earlier.insert((work.clone(), baseline.version.clone()), Some(baseline.ms));
        }
    }
    today
}

fn log(steps: Vec<Step>, then: &Today) -> Vec<Step> {
    steps.iter().map(|step| valued(step, then)).collect()
}

/// A log with a part of it taken back, and the steps that remain.
fn standing(steps: &[Step]) -> Vec<Cell> {
    let mut recount = Recount::new(workspace(), query(CREDITED).window);
    let mut folder = crate::domain::Folder::default();
    for (n, step) in steps.iter().enumerate() {
        folder.add(step, 1);
        if n % 3 == 2 {
            folder.add(step, -1);
        }
    }
    recount.apply(&folder.finish());
    recount.read(Grain::Full, &query(CREDITED).window)
}

fn euros() -> Currency {
    Currency::EUR
}

proptest! {
    #[test]
    fn restating_by_the_versions_recorded_changes_nothing(
        steps in prop::collection::vec(any_step(), 0..40),
        then in any_catalog(euros),
    ) {
        let recorded = standing(&log(steps, &then));
        let (now, differences) = restated(&query(CREDITED), recorded.clone(), &then);
        prop_assert_eq!(sums(&now), sums(&recorded));
        prop_assert_eq!(differences, Vec::new());
    }

    #[test]
    fn restated_cells_are_a_recount_of_the_steps_valued_today(
        steps in prop::collection::vec(any_step(), 0..40),
        then in any_catalog(euros),
        today in prop_oneof![any_catalog(euros), any_catalog(dollars)],
    ) {
        let steps = log(steps, &then);
        let (now, _) = restated(&query(CREDITED), standing(&steps), &today);
        let again = standing(&steps.iter().map(|step| valued(step, &today)).collect::<Vec<_>>());
        prop_assert_eq!(sums(&now), sums(&again));
    }

    #[test]
    fn what_was_recorded_and_the_differences_are_what_is_restated(
        steps in prop::collection::vec(any_step(), 0..40),
        then in any_catalog(euros),
        today in prop_oneof![any_catalog(euros), any_catalog(dollars)],
        policy in prop::sample::select(SavingsPolicy::ALL.to_vec()),
    ) {
        let today = knowing(today, &then);
        let recorded = standing(&log(steps, &then));
        let query = query(policy);
        let before = overview(&query, &recorded);
        let (now, differences) = restated(&query, recorded, &today);
        let after = overview(&query, &now);
        let by: i64 = differences.iter().map(|difference| difference.saved_ms).sum();
        prop_assert_eq!(before.saved_ms() + by, after.saved_ms());
        let mut money: BTreeMap<Currency, i64> = BTreeMap::new();
        let moved = differences.iter().flat_map(|difference| difference.cost_saved.clone());
        for amount in before.cost_saved().into_iter().chain(moved) {
            *money.entry(amount.currency).or_default() += amount.micros;
        }
        for amount in after.cost_saved() {
            *money.entry(amount.currency).or_default() -= amount.micros;
        }
        prop_assert!(money.values().all(|left| *left == 0), "{:?}", money);
    }

    #[test]
    fn a_change_of_the_baselines_alone_is_put_down_to_nothing_else(
        steps in prop::collection::vec(any_step(), 1..30),
        then in any_catalog(euros),
        other in any_catalog(euros),
    ) {
        let today = Today { baselines: other.baselines, ..then.clone() };
        let (_, differences) = restated(
            &query(CREDITED),
            standing(&log(steps, &then)),
            &knowing(today, &then),
        );
        let about = [Cause::Baseline, Cause::ValuedSince, Cause::NotValuedNow];
        prop_assert!(differences.iter().all(|of| about.contains(&of.cause)), "{:?}", differences);
    }
}

#[test]
fn an_hour_at_today_s_rate_is_worth_what_the_receipt_of_today_would_say() {
    let then = catalog(&[("drafts", 60)]);
    let today = Today { rate: rate(90, Currency::EUR, "2"), ..then.clone() };
    let (tally, differences) = one(&draft(Outcome::Success, Spent::default()), &then, &today);
    let worth = Exact::of(60 * MINUTE, 90_000_000).micros();
    assert_eq!(tally.cost_saved(), [Money { micros: worth, currency: Currency::EUR }]);
    assert_eq!(causes(&differences), [(Cause::Rate, 0)]);
    let versions = (&differences[0].from_version, &differences[0].to_version);
    assert_eq!(versions, (&Some("1".to_owned()), &Some("2".to_owned())));
}
