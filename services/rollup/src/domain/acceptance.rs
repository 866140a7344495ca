//! The worked figures of the seed document (METRICS 0), and the rounding trap beside them.
#![expect(clippy::unwrap_used, reason = "tests")]

use kernel::{Currency, Exact, Money, Outcome, SavingsPolicy};

use crate::domain::samples::{DAY, MINUTE, START, fold, query, step, workspace};
use crate::domain::{
    Cell, Change, Cost, Dimension, Filter, Grain, Order, Query, Recount, Step, Tally, overview,
    savings,
};

const TYPES: [(&str, i64); 3] =
    [("email_classification", 4), ("ticket_routing", 2), ("customer_email_draft", 8)];

/// 200 tickets a day for 30 days, three steps each, all successful.
fn seed_month() -> Vec<Step> {
    let mut steps = Vec::new();
    for day in 0..30 {
        for ticket in 0..200 {
            let occurred = START + day * DAY + ticket * (DAY / 200);
            for (task_type, minutes) in TYPES {
                let mut step = step(task_type, minutes, Outcome::Success, occurred);
                step.ticket = Some(format!("T-{day}-{ticket}"));
                steps.push(step);
            }
        }
    }
    steps
}

/// The cells these steps make.
struct Counted(Recount);

impl Counted {
    fn read(&self, query: &Query) -> Vec<Cell> {
        self.0.read(Grain::Full, &query.window)
    }
}

fn held(steps: Vec<Step>) -> Counted {
    let mut recount = Recount::new(workspace(), query(SavingsPolicy::Credited).window);
    recount.apply(&fold(&steps));
    Counted(recount)
}

fn euro(micros: i64) -> Money {
    Money { micros, currency: Currency::EUR }
}

#[test]
fn the_seed_month_saves_1_400_hours_and_119_000_euros() {
    let query = query(SavingsPolicy::Credited);
    let tally = overview(&query, &held(seed_month()).read(&query));
    assert_eq!(tally.events(), 18_000, "AN4");
    assert_eq!(tally.tickets(), 6_000, "AN1: distinct tickets, not events");
    assert_eq!(tally.saved_ms(), 84_000 * MINUTE, "AN2");
    assert_eq!(tally.cost_saved(), [euro(119_000_000_000)], "AN3");
    assert_eq!(tally.agent_cost(), [euro(216_000_000)], "AN8");
    assert_eq!(tally.net_saved(), [euro(118_784_000_000)], "AN8");
    let fte = query.staffing.fte(tally.saved_ms());
    assert!((fte - 1_400.0 / 176.0).abs() < 1e-9, "7+ FTE: {fte}");
}

#[test]
fn the_seed_month_splits_by_task_type_into_400_200_and_800_hours() {
    let query = query(SavingsPolicy::Credited);
    let cells = held(seed_month()).read(&query);
    let report = savings(&query, &[Dimension::TaskType], Order::TimeSaved, 100, &cells);
    let rows: Vec<_> = report
        .rows
        .iter()
        .map(|row| {
            (row.key[0].as_str(), row.tally.saved_ms() / 60 / MINUTE, row.tally.cost_saved())
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("customer_email_draft", 800, vec![euro(68_000_000_000)]),
            ("email_classification", 400, vec![euro(34_000_000_000)]),
            ("ticket_routing", 200, vec![euro(17_000_000_000)]),
        ],
        "AN7"
    );
    assert_eq!(report.total.tickets(), 6_000);
    assert!(
        report.rows.iter().all(|row| row.tally.tickets() == 6_000),
        "every step saw every ticket"
    );
}

#[test]
fn a_ticket_takes_14_minutes_without_the_duplicate_check() {
    let query = query(SavingsPolicy::Credited);
    let mut steps: Vec<_> =
        TYPES.iter().map(|&(name, min)| step(name, min, Outcome::Success, START)).collect();
    let three = overview(&query, &held(steps.clone()).read(&query));
    assert_eq!(three.saved_ms(), 14 * MINUTE, "AN6");
    steps.push(step("duplicate_detection", 3, Outcome::Success, START));
    assert_eq!(overview(&query, &held(steps).read(&query)).saved_ms(), 17 * MINUTE, "AN6");
}

#[test]
fn ten_thousand_drafts_make_a_bar_of_60_30_and_10_percent() {
    let mut steps = Vec::new();
    for (outcome, count) in
        [(Outcome::Success, 6_000), (Outcome::NeedsReview, 3_000), (Outcome::Failure, 1_000)]
    {
        steps.extend((0..count).map(|n| step("customer_email_draft", 8, outcome, START + n)));
    }
    let held = held(steps);
    let query_of = |policy| query(policy);
    let credited = query_of(SavingsPolicy::Credited);
    let tally = overview(&credited, &held.read(&credited));
    let shares = Outcome::ALL.map(|outcome| tally.share(outcome));
    assert_eq!(shares, [Some(0.6), Some(0.3), Some(0.1), Some(0.0)], "AN9");
    assert_eq!(tally.saved_ms(), (6_000 * 8 + 3_000 * 4) * MINUTE, "full, partial, restart");
    let gross = query_of(SavingsPolicy::Gross);
    assert_eq!(overview(&gross, &held.read(&gross)).saved_ms(), 10_000 * 8 * MINUTE);
    let strict = query_of(SavingsPolicy::Strict);
    assert_eq!(overview(&strict, &held.read(&strict)).saved_ms(), 6_000 * 8 * MINUTE);
}

#[test]
fn rounding_every_event_to_the_cent_would_be_20_euros_wrong() {
    // 4 minutes at EUR 85 are 5.666…, 2 are 2.833…, 8 are 11.333…: 5.67 + 2.83 + 11.33 = 19.83.
    let cents = |minutes: i64| (Exact::of(minutes * MINUTE, 85_000_000).micros() + 5_000) / 10_000;
    let per_event: i64 = TYPES.iter().map(|&(_, minutes)| 6_000 * cents(minutes)).sum();
    assert_eq!(per_event - 11_900_000, -2_000, "cents: the trap is real");
    let query = query(SavingsPolicy::Credited);
    let tally = overview(&query, &held(seed_month()).read(&query));
    assert_eq!(tally.cost_saved()[0].to_string(), "EUR 119,000.00");
}

#[test]
fn currencies_are_never_added_up() {
    let query = query(SavingsPolicy::Credited);
    let dollars = Currency::new("USD").unwrap();
    let mut paid_in_dollars = step("ticket_routing", 2, Outcome::Success, START);
    paid_in_dollars.cost = Cost::new(5_000, dollars);
    paid_in_dollars.dimensions.cost_currency = Some(dollars);
    let steps = vec![step("ticket_routing", 2, Outcome::Success, START), paid_in_dollars];
    let tally = overview(&query, &held(steps).read(&query));
    // 4 minutes in all: EUR 5.666667, less EUR 0.012 of the one step that was paid in euros.
    assert_eq!(
        tally.net_saved(),
        [euro(5_666_667 - 12_000), Money { micros: -5_000, currency: dollars }]
    );
}

#[test]
fn a_cost_in_another_currency_is_netted_at_the_exchange_rate_of_its_day() {
    let query = query(SavingsPolicy::Credited);
    let dollars = Currency::new("USD").unwrap();
    let mut foreign = step("ticket_routing", 2, Outcome::Success, START);
    foreign.cost = Cost::new(5_000, dollars).map(|cost| cost.converted(Some(4_500)));
    foreign.dimensions.cost_currency = Some(dollars);
    let mut unconverted = foreign.clone();
    unconverted.cost = Cost::new(7_000, dollars);
    let tally = overview(&query, &held(vec![foreign.clone()]).read(&query));
    assert_eq!(tally.agent_cost(), [Money { micros: 5_000, currency: dollars }]);
    assert_eq!(tally.net_saved(), [euro(2_833_333 - 4_500)], "as the receipt said");
    assert_eq!(tally.unconverted(), 0);
    let tally = overview(&query, &held(vec![foreign, unconverted]).read(&query));
    let in_dollars = Money { micros: -7_000, currency: dollars };
    assert_eq!(tally.net_saved(), [euro(5_666_667 - 4_500), in_dollars]);
    assert_eq!(tally.unconverted(), 1);
}

#[test]
fn a_pending_step_counts_and_earns_nothing() {
    for policy in SavingsPolicy::ALL {
        let query = query(policy);
        let steps = vec![step("ticket_routing", 2, Outcome::Pending, START)];
        let tally = overview(&query, &held(steps).read(&query));
        assert_eq!((tally.events(), tally.saved_ms()), (1, 0), "{policy:?}");
    }
}

#[test]
fn a_step_without_cost_or_value_is_counted_as_such_and_not_as_zero() {
    let query = query(SavingsPolicy::Credited);
    let mut bare = step("unknown_type", 1, Outcome::Success, START);
    bare.cost = None;
    bare.effort = None;
    bare.dimensions.rate = None;
    bare.dimensions.cost_currency = None;
    let tally = overview(&query, &held(vec![bare]).read(&query));
    assert_eq!((tally.uncosted(), tally.unvalued()), (1, 1));
    assert_eq!(tally.cost_saved(), []);
    assert_eq!(tally.agent_cost(), []);
}

#[test]
fn filters_split_the_bad_agent_from_the_good_one() {
    let mut failing = step("email_classification", 4, Outcome::Failure, START);
    failing.dimensions.agent = "Ünreliable".to_owned();
    let steps = vec![step("email_classification", 4, Outcome::Success, START), failing];
    let mut query = query(SavingsPolicy::Credited);
    let cells = held(steps).read(&query);
    query.filters =
        vec![Filter { dimension: Dimension::Agent, values: ["Ünreliable".to_owned()].into() }];
    let tally = overview(&query, &cells);
    assert_eq!((tally.count(Outcome::Failure), tally.count(Outcome::Success)), (1, 0));
    query.filters[0].values = ["ünreliable".to_owned()].into();
    assert_eq!(overview(&query, &cells).events(), 0, "filters know case");
}

#[test]
fn rows_beyond_the_limit_are_one_rest_that_adds_up() {
    let steps = (0..10)
        .flat_map(|n| vec![step(&format!("type_{n}"), n + 1, Outcome::Success, START); 2])
        .collect();
    let query = query(SavingsPolicy::Credited);
    let cells = held(steps).read(&query);
    let report = savings(&query, &[Dimension::TaskType], Order::TimeSaved, 3, &cells);
    let rest = report.rest.unwrap();
    assert_eq!((report.rows.len(), rest.rows), (3, 7));
    let rows: i64 = report.rows.iter().map(|row| row.tally.saved_ms()).sum();
    assert_eq!(rows + rest.tally.saved_ms(), report.total.saved_ms());
}

#[test]
fn change_against_nothing_is_unknown_and_not_infinite() {
    let query = query(SavingsPolicy::Credited);
    let steps = vec![step("ticket_routing", 2, Outcome::Success, START); 3];
    let now = overview(&query, &held(steps).read(&query));
    assert_eq!(Change::between(&now, &Tally::default()).events, None);
    assert_eq!(Change::between(&now, &now).events, Some(0.0));
}
