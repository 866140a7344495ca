//! What a report at today's versions says beside its numbers: that it is one, and what that changed.

use std::collections::BTreeMap;

use comfy_table::Table;
use wire::common::v1::Money;
use wire::rollup::v1::{Difference, DifferenceCause, Measures, ReportBasis, ReportView};

use crate::print;

/// What stands below a restated report; nothing below one as recorded. `whole` is what it comes to, where
/// the report says so.
pub(crate) fn note(basis: &ReportBasis, whole: Option<&Measures>) -> String {
    if basis.view() != ReportView::AsRestated {
        return String::new();
    }
    if basis.differences.is_empty() {
        // Nothing changed, or a shared link does not tell what.
        return "\n\nrestated at today's versions".to_owned();
    }
    let mut differences: Vec<&Difference> = basis.differences.iter().collect();
    // Within a cause they stay the largest first.
    differences.sort_by_key(|difference| applied(difference.cause()));
    let mut table = print::table(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["Cause", "Task type", "Time saved", "Cost saved", "Version"]);
    if let Some(whole) = whole {
        let (ms, cost) = recorded(whole, &differences);
        frame(&mut table, "recorded", ms, &cost);
    }
    for difference in differences {
        table.add_row([
            cause(difference),
            of(difference).to_owned(),
            print::hours(difference.time_saved_ms),
            print::money(&difference.cost_saved),
            versions(difference),
        ]);
    }
    if let Some(whole) = whole {
        frame(&mut table, "restated", whole.time_saved_ms, &whole.cost_saved);
    }
    print::right(&mut table, &[2, 3]);
    format!("\n\nrestated at today's versions; against what was recorded:\n{table}")
}

/// In which order a step is taken from what was recorded to what holds today; behind it the steps that had
/// no value then, or have none now.
fn applied(cause: DifferenceCause) -> u8 {
    match cause {
        DifferenceCause::SavingsPolicy => 0,
        DifferenceCause::Baseline => 1,
        DifferenceCause::Rate => 2,
        DifferenceCause::ValuedSince => 3,
        DifferenceCause::NotValuedNow => 4,
        DifferenceCause::Unspecified => 5,
    }
}

/// The whole less every difference, which is exact.
fn recorded(whole: &Measures, differences: &[&Difference]) -> (i64, Vec<Money>) {
    let mut micros: BTreeMap<&str, i64> = BTreeMap::new();
    for money in &whole.cost_saved {
        *micros.entry(&money.currency_code).or_default() += money.micros;
    }
    for money in differences.iter().flat_map(|difference| &difference.cost_saved) {
        *micros.entry(&money.currency_code).or_default() -= money.micros;
    }
    let changed: i64 = differences.iter().map(|difference| difference.time_saved_ms).sum();
    let cost =
        micros.into_iter().map(|(code, micros)| Money { currency_code: code.to_owned(), micros });
    (whole.time_saved_ms - changed, cost.collect())
}

fn frame(table: &mut Table, name: &str, ms: i64, cost: &[Money]) {
    let nothing = String::new;
    table.add_row([name.to_owned(), nothing(), print::hours(ms), print::money(cost), nothing()]);
}

fn cause(difference: &Difference) -> String {
    let name = difference.cause().as_str_name().trim_start_matches("DIFFERENCE_CAUSE_");
    name.to_lowercase().replace('_', " ")
}

fn of(difference: &Difference) -> &str {
    if difference.task_type.is_empty() { "all others" } else { &difference.task_type }
}

/// A baseline and a rate have a version on both sides: where none is named there were several. What is
/// valued only since has none before, what is not valued any more none now, and a rule of the policy is
/// named by today's.
fn versions(difference: &Difference) -> String {
    let several = |version: &str| match version {
        "" => "several".to_owned(),
        one => one.to_owned(),
    };
    let (from, to) = (several(&difference.from_version), several(&difference.to_version));
    match difference.cause() {
        DifferenceCause::Baseline | DifferenceCause::Rate if from == to => from,
        DifferenceCause::Baseline | DifferenceCause::Rate => format!("{from} to {to}"),
        DifferenceCause::ValuedSince => format!("now {to}"),
        DifferenceCause::NotValuedNow => format!("was {from}"),
        DifferenceCause::SavingsPolicy | DifferenceCause::Unspecified => {
            match difference.to_version.as_str() {
                "" => String::new(),
                to => format!("now {to}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn euros(euros: i64) -> Vec<Money> {
        vec![Money { currency_code: "EUR".to_owned(), micros: euros * 1_000_000 }]
    }

    #[test]
    fn only_a_restated_report_says_that_it_is_one_and_what_changed() {
        assert_eq!(note(&ReportBasis::default(), None), "");
        let view = ReportView::AsRestated.into();
        let same = ReportBasis { view, ..ReportBasis::default() };
        assert_eq!(note(&same, None), "\n\nrestated at today's versions");
        let longer = Difference {
            cause: DifferenceCause::Baseline.into(),
            task_type: "customer_email_draft".to_owned(),
            time_saved_ms: 7_200_000,
            cost_saved: euros(170),
            from_version: "builtin@1".to_owned(),
            to_version: "7".to_owned(),
        };
        let smaller = Difference {
            cause: DifferenceCause::SavingsPolicy.into(),
            time_saved_ms: -60_000,
            to_version: "8".to_owned(),
            ..Difference::default()
        };
        let other = ReportBasis { differences: vec![longer, smaller], ..same };
        let note = note(&other, None);
        for said in ["customer_email_draft", "2 h", "EUR 170.00", "builtin@1 to 7"] {
            assert!(note.contains(said), "{said} in {note}");
        }
        for said in ["savings policy", "all others", "-0.02 h", "now 8"] {
            assert!(note.contains(said), "{said} in {note}");
        }
    }

    #[test]
    fn differences_lead_from_what_was_recorded_to_what_is_restated() {
        let of = |cause: DifferenceCause, by: i64| Difference {
            cause: cause.into(),
            time_saved_ms: by * 3_600_000,
            cost_saved: euros(by * 100),
            to_version: "9".to_owned(),
            ..Difference::default()
        };
        use DifferenceCause::{Baseline, Rate, SavingsPolicy};
        let basis = ReportBasis {
            view: ReportView::AsRestated.into(),
            differences: vec![of(Rate, 6), of(Baseline, -4), of(SavingsPolicy, 1)],
            ..ReportBasis::default()
        };
        let whole =
            Measures { time_saved_ms: 36_000_000, cost_saved: euros(1_000), ..Default::default() };
        let note = note(&basis, Some(&whole));
        let table: Vec<&str> = note.lines().filter(|line| line.starts_with(' ')).collect();
        let row = |said: &str| table.iter().position(|line| line.trim_start().starts_with(said));
        let rows = ["recorded", "savings policy", "baseline", "rate", "restated"].map(row);
        assert!(rows.is_sorted() && rows[0].is_some(), "{rows:?} in {note}");
        assert!(note.contains("EUR 700.00") && note.contains("EUR 1,000.00"), "{note}");
        assert!(note.contains("several to 9"), "{note}");
    }
}
