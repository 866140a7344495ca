//! What few tickets stand behind is left out, so that nobody is recognised by a number.

use std::cmp::Reverse;

use wire::rollup::v1 as api;

use crate::grpc::desk::Report;

/// Fewer tickets than this could be one person's.
const TICKETS_MIN: i64 = 5;

pub(super) fn small_cells(mut report: Report) -> Report {
    // A difference names a task type, however few tickets it had.
    let basis = match &mut report {
        Report::Overview(overview) => &mut overview.basis,
        Report::Savings(report) => &mut report.basis,
        Report::TimeSeries(report) => &mut report.basis,
    };
    basis.iter_mut().for_each(|basis| basis.differences.clear());
    match report {
        Report::Overview(mut overview) => {
            hide(&mut overview.measures);
            hide(&mut overview.previous);
            if overview.measures.is_none() || overview.previous.is_none() {
                // It would give away the one from the other.
                overview.change = None;
            }
            if overview.measures.is_none() {
                blind(&mut overview.basis);
            }
            Report::Overview(overview)
        }
        Report::Savings(report) => Report::Savings(Box::new(savings(*report))),
        Report::TimeSeries(mut report) => {
            for point in report.series.iter_mut().flat_map(|series| &mut series.points) {
                hide(&mut point.measures);
            }
            Report::TimeSeries(report)
        }
    }
}

fn savings(mut report: api::SavingsReport) -> api::SavingsReport {
    hide(&mut report.total);
    if report.total.is_none() {
        blind(&mut report.basis);
        return api::SavingsReport { basis: report.basis, ..Default::default() };
    }
    let before = report.rows.len();
    report.rows.retain(|row| !is_small(row.measures.as_ref()));
    let rest_is_small = report.rest.is_some() && is_small(report.rest.as_ref());
    if rest_is_small {
        report.rest = None;
        report.rest_rows = 0;
    }
    // What is missing is the total less what is shown. Where so few tickets may stand behind all of it, it
    // takes another one along, which alone has enough.
    let missing = before > report.rows.len() || rest_is_small;
    if missing && missing_tickets_min(&report) < TICKETS_MIN {
        let smallest = report.rows.iter().enumerate();
        let smallest = smallest.min_by_key(|(place, row)| {
            (row.measures.as_ref().map_or(0, |measures| measures.tickets), Reverse(*place))
        });
        match smallest.map(|(place, _)| place) {
            Some(place) => drop(report.rows.remove(place)),
            None => {
                report.rest = None;
                report.rest_rows = 0;
            }
        }
    }
    report
}

/// At least so many tickets stand behind what is not shown: one may stand behind several rows, so that
/// those of the rows add up to more than there are.
fn missing_tickets_min(report: &api::SavingsReport) -> i64 {
    let tickets = |of: &Option<api::Measures>| of.as_ref().map_or(0, |of| of.tickets);
    let rows = report.rows.iter().map(|row| tickets(&row.measures));
    let shown: i64 = rows.chain([tickets(&report.rest)]).sum();
    tickets(&report.total) - shown
}

fn hide(measures: &mut Option<api::Measures>) {
    // Nothing happened is nobody's secret.
    if measures.as_ref().is_some_and(|measures| measures.events > 0) && is_small(measures.as_ref())
    {
        *measures = None;
    }
}

/// Steps without a ticket are nobody's and still few.
fn is_small(measures: Option<&api::Measures>) -> bool {
    measures.is_none_or(|measures| measures.tickets < TICKETS_MIN)
}

/// The counts of what is not covered would say how many events there were.
fn blind(basis: &mut Option<api::ReportBasis>) {
    if let Some(basis) = basis {
        basis.data_quality = None;
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::HashSet;

    use proptest::collection::{hash_set, vec};
    use proptest::option;

    use super::*;

    fn measures(tickets: i64) -> Option<api::Measures> {
        Some(api::Measures { events: tickets + 1, tickets, ..Default::default() })
    }

    fn report(rows: &[i64], rest: Option<i64>, total: i64) -> api::SavingsReport {
        api::SavingsReport {
            rows: rows
                .iter()
                .map(|&tickets| api::SavingsRow { measures: measures(tickets), key: Vec::new() })
                .collect(),
            rest: rest.and_then(measures),
            rest_rows: i32::from(rest.is_some()),
            total: measures(total),
            ..Default::default()
        }
    }

    fn shown(rows: &[i64], rest: Option<i64>, total: i64) -> (Vec<i64>, bool) {
        let Report::Savings(report) =
            small_cells(Report::Savings(Box::new(report(rows, rest, total))))
        else {
            panic!("another report")
        };
        let rows = report.rows.iter().map(|row| row.measures.as_ref().unwrap().tickets).collect();
        (rows, report.rest.is_some())
    }

    #[test]
    fn rows_of_fewer_than_five_tickets_are_left_out() {
        assert_eq!(shown(&[50, 5, 4, 3], Some(9), 71), (vec![50, 5], true));
        assert_eq!(shown(&[50, 5], Some(9), 64), (vec![50, 5], true), "nothing small");
    }

    #[test]
    fn so_few_that_they_can_be_told_by_subtracting_take_the_next_smallest_along() {
        assert_eq!(shown(&[50, 8, 1, 1], None, 60), (vec![50], false), "two tickets together");
        assert_eq!(shown(&[50, 8, 4, 0], Some(9), 71), (vec![50], true), "four and none");
        assert_eq!(shown(&[50, 8, 4, 4], None, 60), (vec![50], false), "perhaps the same ones");
        assert_eq!(shown(&[50, 8, 30, 4], None, 92), (vec![50, 30], false));
        assert_eq!(shown(&[50, 8], Some(2), 60), (vec![50], false));
        assert_eq!(shown(&[4], Some(60), 64), (vec![], false), "the rest is all there is");
    }

    proptest::proptest! {
        /// Whatever tickets the rows share.
        #[test]
        fn at_least_five_tickets_stand_behind_all_that_is_left_out(
            rows in vec(hash_set(0u8..40, 0..9), 0..9),
            rest in option::of(hash_set(0u8..40, 0..9)),
        ) {
            let whole: HashSet<u8> = rows.iter().chain(&rest).flatten().copied().collect();
            let count = |tickets: &HashSet<u8>| tickets.len() as i64;
            let counts: Vec<i64> = rows.iter().map(count).collect();
            let mut report = report(&counts, rest.as_ref().map(count), count(&whole));
            for (place, row) in report.rows.iter_mut().enumerate() {
                let value = place.to_string();
                row.key = vec![api::DimensionValue { value, ..Default::default() }];
            }
            let total = report.total.clone();
            let shown = savings(report);
            if count(&whole) < TICKETS_MIN {
                proptest::prop_assert_eq!((shown.rows, shown.rest), (vec![], None));
                return Ok(());
            }
            proptest::prop_assert_eq!(shown.total, total);
            let places: HashSet<usize> =
                shown.rows.iter().map(|row| row.key[0].value.parse().unwrap()).collect();
            let rest_is_shown = shown.rest.is_some();
            let mut hidden: Vec<&HashSet<u8>> = rest.iter().filter(|_| !rest_is_shown).collect();
            for (place, tickets) in rows.iter().enumerate() {
                if places.contains(&place) {
                    proptest::prop_assert!(count(tickets) >= TICKETS_MIN);
                } else {
                    hidden.push(tickets);
                }
            }
            let behind: HashSet<u8> = hidden.iter().copied().flatten().copied().collect();
            proptest::prop_assert!(hidden.is_empty() || count(&behind) >= TICKETS_MIN);
        }
    }

    #[test]
    fn a_whole_of_few_tickets_says_nothing() {
        let overview = api::Overview {
            basis: Some(api::ReportBasis {
                data_quality: Some(api::DataQuality::default()),
                ..Default::default()
            }),
            measures: measures(4),
            previous: measures(50),
            change: Some(api::Change::default()),
        };
        let Report::Overview(overview) = small_cells(Report::Overview(Box::new(overview))) else {
            panic!("another report")
        };
        assert_eq!((&overview.measures, overview.change), (&None, None));
        assert_eq!(overview.basis.unwrap().data_quality, None);
        assert_eq!(shown(&[2, 1], None, 3), (vec![], false));
    }

    #[test]
    fn what_was_restated_is_not_told_by_task_type() {
        let differences = vec![api::Difference::default()];
        let basis = Some(api::ReportBasis { differences, ..Default::default() });
        let report = api::SavingsReport { basis, ..report(&[50], None, 50) };
        let Report::Savings(report) = small_cells(Report::Savings(Box::new(report))) else {
            panic!("another report")
        };
        assert_eq!(report.basis.unwrap().differences, []);
    }

    #[test]
    fn points_of_few_tickets_have_no_measures_and_empty_ones_stay() {
        let point = |measures| api::SeriesPoint { measures, ..Default::default() };
        let points = vec![point(measures(9)), point(measures(1)), point(Some(Default::default()))];
        let series = vec![api::Series { points, ..Default::default() }];
        let report = api::TimeSeries { series, ..Default::default() };
        let Report::TimeSeries(report) = small_cells(Report::TimeSeries(Box::new(report))) else {
            panic!("another report")
        };
        let there = report.series[0].points.iter().map(|point| point.measures.is_some());
        assert_eq!(there.collect::<Vec<_>>(), [true, false, true]);
    }
}
