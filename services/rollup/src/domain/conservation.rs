//! Equalities that must hold, whatever happened: what a report rests on, checked.

use std::collections::BTreeMap;

use crate::domain::{
    Cell, Dimension, Grain, Held, Level, Order, Query, Span, Tally, overview, savings,
};

/// One equality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) id: &'static str,
    pub(crate) description: &'static str,
    pub(crate) left: i64,
    pub(crate) right: i64,
}

impl Check {
    pub(crate) fn holds(&self) -> bool {
        self.left == self.right
    }
}

/// The checks that need nothing but the cells of the window, all grains and levels of them.
pub(crate) fn checks(query: &Query, held: &[Held]) -> Vec<Check> {
    let covered = cells(held, Grain::Full, &query.window.cover(Grain::Full));
    let total = overview(query, &covered);
    let counted = quarters(query, held);
    let mut checks: Vec<Check> = compared(DAYS, &total, &counted).collect();
    // The hours and days that no report of this window reads, as they lie in weeks, are those of another's
    // edges.
    let hours = query.window.cover_by(&[Level::Quarter, Level::Hour]);
    let days = query.window.cover_by(&[Level::Quarter, Level::Hour, Level::Day]);
    for (grain, ids, cover, against) in [
        (Grain::Total, HOURS, hours, &counted),
        (Grain::Total, TOTAL_DAYS, days, &counted),
        (Grain::Total, TOTALS, query.window.cover(Grain::Total), &total),
        (Grain::Work, WORK, query.window.cover(Grain::Work), &total),
    ] {
        // They cannot be held against what they do not tell apart.
        if Grain::telling(query.named()) <= grain {
            let coarse = overview(query, &cells(held, grain, &cover));
            checks.extend(compared(ids, &coarse, against));
        }
    }
    let mut segments = Tally::default();
    for row in
        savings(query, &[Dimension::TaskType, Dimension::Agent], Order::Key, usize::MAX, &covered)
            .rows
    {
        segments.merge(&row.tally);
    }
    checks.extend([
        check("segments_equal_total_events", SEGMENTS_EVENTS, segments.events(), total.events()),
        check("segments_equal_total_time", SEGMENTS_TIME, segments.saved_ms(), total.saved_ms()),
        check("segments_equal_total_cost", SEGMENTS_COST, cost(&segments), cost(&total)),
        check(
            "segments_equal_total_tickets",
            SEGMENTS_TICKETS,
            segments.tickets(),
            total.tickets(),
        ),
        check("tickets_have_events", TICKETS_EVENTS, without_events(held), 0),
    ]);
    checks
}

/// The checks of cells against a recount from the ledger, all grains and levels of both.
pub(crate) fn recounted(query: &Query, held: &[Held], recount: &[Held]) -> Vec<Check> {
    let (cells, ledger) = (quarters(query, held), quarters(query, recount));
    vec![
        check("cells_equal_ledger_events", LEDGER_EVENTS, cells.events(), ledger.events()),
        check("cells_equal_ledger_time", LEDGER_TIME, cells.saved_ms(), ledger.saved_ms()),
        check("cells_equal_ledger_cost", LEDGER_COST, cost(&cells), cost(&ledger)),
        check("cells_equal_ledger_tickets", LEDGER_TICKETS, cells.tickets(), ledger.tickets()),
        check("cells_equal_ledger_cells", LEDGER_CELLS, differing(held, recount), 0),
    ]
}

/// Of each sum in which coarse cells are compared: the id of its check, and the description.
type Sums = [(&'static str, &'static str); 5];

/// Events, time, cost, tickets and durations of full cells, by days.
const DAYS: Sums = [
    (
        "days_equal_quarters_events",
        "steps by whole days with quarter hours at the edges, and by quarter hours alone",
    ),
    ("days_equal_quarters_time", "milliseconds saved by days, and by quarter hours alone"),
    (
        "days_equal_quarters_cost",
        "millionths of agent cost of all currencies by days, and by quarter hours alone",
    ),
    ("days_equal_quarters_tickets", "distinct tickets by days, and by quarter hours alone"),
    (
        "days_equal_quarters_durations",
        "steps that say how long they took by days, and by quarter hours alone",
    ),
];
/// The same of the coarsest cells, by hours.
const HOURS: Sums = [
    (
        "hours_equal_quarters_events",
        "steps by whole hours with quarter hours at the edges, and by quarter hours alone",
    ),
    ("hours_equal_quarters_time", "milliseconds saved by hours, and by quarter hours alone"),
    (
        "hours_equal_quarters_cost",
        "millionths of agent cost of all currencies by hours, and by quarter hours alone",
    ),
    ("hours_equal_quarters_tickets", "distinct tickets by hours, and by quarter hours alone"),
    (
        "hours_equal_quarters_durations",
        "steps that say how long they took by hours, and by quarter hours alone",
    ),
];
/// The same of them by days.
const TOTAL_DAYS: Sums = [
    (
        "total_days_equal_quarters_events",
        "steps of the totals by whole days with hours at the edges, and by quarter hours alone",
    ),
    (
        "total_days_equal_quarters_time",
        "milliseconds saved of the totals by days, and by quarter hours alone",
    ),
    (
        "total_days_equal_quarters_cost",
        "millionths of agent cost of all currencies of the totals by days, and by quarter hours alone",
    ),
    (
        "total_days_equal_quarters_tickets",
        "distinct tickets of the totals by days, and by quarter hours alone",
    ),
    (
        "total_days_equal_quarters_durations",
        "steps that say how long they took of the totals by days, and by quarter hours alone",
    ),
];
/// The same of them as a report reads them, with weeks.
const TOTALS: Sums = [
    ("totals_equal_cells_events", "steps of the totals, and of the cells of every combination"),
    (
        "totals_equal_cells_time",
        "milliseconds saved by the totals, and by the cells of every combination",
    ),
    (
        "totals_equal_cells_cost",
        "millionths of agent cost of all currencies in the totals, and in the cells of every \
         combination",
    ),
    (
        "totals_equal_cells_tickets",
        "distinct tickets of the totals, and of the cells of every combination",
    ),
    (
        "totals_equal_cells_durations",
        "steps that say how long they took in the totals, and in the cells of every combination",
    ),
];
/// The same of the cells by task type and agent.
const WORK: Sums = [
    ("work_equals_cells_events", "steps by task type and agent, and by every combination"),
    (
        "work_equals_cells_time",
        "milliseconds saved by task type and agent, and by every combination",
    ),
    (
        "work_equals_cells_cost",
        "millionths of agent cost of all currencies by task type and agent, and by every combination",
    ),
    (
        "work_equals_cells_tickets",
        "distinct tickets by task type and agent, and by every combination",
    ),
    (
        "work_equals_cells_durations",
        "steps that say how long they took by task type and agent, and by every combination",
    ),
];
const SEGMENTS_EVENTS: &str = "steps of all task types and agents, and of the whole";
const SEGMENTS_TIME: &str = "milliseconds saved by all task types and agents, and by the whole";
const SEGMENTS_COST: &str =
    "millionths of agent cost of all task types and agents, and of the whole";
const SEGMENTS_TICKETS: &str =
    "distinct tickets of all task types and agents together, and of the whole";
const TICKETS_EVENTS: &str =
    "cells whose tickets have more events than the cell, or fewer than none; and zero";
const LEDGER_EVENTS: &str = "steps in the cells, and in the ledger";
const LEDGER_TIME: &str = "milliseconds saved by the cells, and by the ledger";
const LEDGER_COST: &str =
    "millionths of agent cost of all currencies in the cells, and in the ledger";
const LEDGER_TICKETS: &str = "distinct tickets in the cells, and in the ledger";
const LEDGER_CELLS: &str =
    "cells that a recount of the ledger does not give, or gives otherwise; and zero";

/// The cells of a grain that lie in these runs.
fn cells(held: &[Held], grain: Grain, cover: &[Span]) -> Vec<Cell> {
    let covers = |cell: &Held, run: &Span| {
        (run.level, cell.grain) == (cell.level, grain) && run.window.contains(cell.start)
    };
    let lies_in = held.iter().filter(|cell| cover.iter().any(|run| covers(cell, run)));
    lies_in.map(Held::cell).collect()
}

fn compared(ids: Sums, left: &Tally, right: &Tally) -> impl Iterator<Item = Check> {
    let sums = |tally: &Tally| {
        let durations = tally.durations().count();
        [tally.events(), tally.saved_ms(), cost(tally), tally.tickets(), durations]
    };
    let sums = sums(left).into_iter().zip(sums(right));
    ids.into_iter()
        .zip(sums)
        .map(|((id, description), (left, right))| check(id, description, left, right))
}

/// What the quarter hours come to, however they were filled.
fn quarters(query: &Query, held: &[Held]) -> Tally {
    let quarters =
        held.iter().filter(|cell| (cell.grain, cell.level) == (Grain::Full, Level::Quarter));
    overview(query, &quarters.map(Held::cell).collect::<Vec<_>>())
}

fn check(id: &'static str, description: &'static str, left: i64, right: i64) -> Check {
    Check { id, description, left, right }
}

/// A sum over currencies says nothing to a reader, and is equal exactly when it should be.
fn cost(tally: &Tally) -> i64 {
    tally.agent_cost().iter().fold(0, |sum, money| sum.wrapping_add(money.micros))
}

/// Cells whose tickets have more events than there are, or less than none. Totals count tickets together.
fn without_events(held: &[Held]) -> i64 {
    let (mut totals, mut wrong) = (BTreeMap::new(), 0);
    for cell in held {
        let mut events = 0;
        let negative = cell.content.tickets.iter().any(|(_, n)| {
            events += n;
            n < 0
        });
        let left = cell.content.measures.events - events;
        if cell.grain == Grain::Total {
            *totals.entry((cell.level, cell.start)).or_default() += left;
        }
        wrong += i64::from(negative || cell.grain != Grain::Total && left < 0);
    }
    wrong + totals.values().filter(|left: &&i64| **left < 0).count() as i64
}

fn differing(held: &[Held], recount: &[Held]) -> i64 {
    let sorted = |cells: &[Held]| {
        let mut cells: Vec<Held> = cells.to_vec();
        cells.sort_by(|a, b| place(a).cmp(&place(b)));
        cells
    };
    let (mut held, mut recount) =
        (sorted(held).into_iter().peekable(), sorted(recount).into_iter().peekable());
    let mut differing = 0;
    loop {
        match (held.peek(), recount.peek()) {
            (None, None) => return differing,
            (Some(a), Some(b)) if place(a) == place(b) => {
                differing += i64::from(a != b);
                held.next();
                recount.next();
            }
            (Some(a), Some(b)) if place(a) > place(b) => {
                differing += 1;
                recount.next();
            }
            (None, Some(_)) => {
                differing += 1;
                recount.next();
            }
            (Some(_), _) => {
                differing += 1;
                held.next();
            }
        }
    }
}

fn place(cell: &Held) -> (Grain, Level, kernel::Timestamp, &crate::domain::Dimensions) {
    (cell.grain, cell.level, cell.start, &cell.dimensions)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::samples::{DAY, START, fold, query, step, workspace};
    use crate::domain::{Content, Durations, Filter, Recount, Step};
    use kernel::{Outcome, SavingsPolicy, Timestamp};

    const HOUR: i64 = DAY / 24;

    /// Eleven days of steps with a whole week in them, one every 25 minutes.
    fn held() -> Vec<Held> {
        let steps: Vec<Step> = (0..640)
            .map(|n| {
                let mut step =
                    step("ticket_routing", 2, Outcome::Success, START + n * HOUR * 5 / 12);
                step.ticket = Some(format!("T-{n}"));
                step.spent.agent_ms = Some(1_000);
                step
            })
            .collect();
        let mut counted = Recount::new(workspace(), query(SavingsPolicy::Credited).window);
        counted.apply(&fold(&steps));
        counted.held(&(0..640).collect::<Vec<_>>())
    }

    fn failing(query: &Query, held: &[Held]) -> Vec<&'static str> {
        let failing = checks(query, held).into_iter().filter(|check| !check.holds());
        failing.map(|check| check.id).collect()
    }

    /// The cells of an hour in the middle of a day: no report of the whole days reads it.
    fn noon(held: &mut [Held]) -> impl Iterator<Item = &mut Content> {
        let noon = |cell: &&mut Held| {
            cell.level == Level::Hour && cell.start.micros() == START + DAY + 12 * HOUR
        };
        held.iter_mut().filter(noon).map(|cell| &mut cell.content)
    }

    #[test]
    fn a_wrong_hour_day_or_week_is_noticed_even_where_no_report_of_the_window_reads_it() {
        let query = query(SavingsPolicy::Credited);
        let right = held();
        assert_eq!(failing(&query, &right), Vec::<&str>::new());
        let mut wrong = right.clone();
        noon(&mut wrong).next().unwrap().measures.events += 1;
        assert_eq!(failing(&query, &wrong), ["hours_equal_quarters_events"]);
        let mut wrong = right.clone();
        noon(&mut wrong).for_each(|content| content.durations = Durations::default());
        assert_eq!(failing(&query, &wrong), ["hours_equal_quarters_durations"]);
        let mut wrong = right.clone();
        wrong.retain(|cell| cell.level != Level::Hour);
        assert_eq!(failing(&query, &wrong), HOURS.map(|(id, _)| id));
        let mut wrong = right.clone();
        let wednesday = Timestamp::from_micros(START + 6 * DAY);
        wrong.retain(|cell| {
            (cell.grain, cell.level, cell.start) != (Grain::Total, Level::Day, wednesday)
        });
        assert_eq!(failing(&query, &wrong), TOTAL_DAYS.map(|(id, _)| id));
        let mut wrong = right.clone();
        wrong.retain(|cell| cell.level != Level::Week);
        assert_eq!(failing(&query, &wrong), TOTALS.map(|(id, _)| id));
        // And one by one, against the ledger.
        let against_ledger = recounted(&query, &wrong, &right);
        assert!(against_ledger.iter().any(|check| !check.holds()));
    }

    #[test]
    fn hours_are_not_held_against_what_they_do_not_tell_apart() {
        let mut query = query(SavingsPolicy::Credited);
        let values = ["ticket_routing".to_owned()].into();
        query.filters.push(Filter { dimension: Dimension::TaskType, values });
        let checks = checks(&query, &held());
        assert!(checks.iter().all(Check::holds));
        assert!(!checks.iter().any(|check| check.id.starts_with("hours")));
    }
}
