//! What a report at today's versions says beside its numbers: that it is one, and what that changed.

use wire::rollup::v1::{Difference, ReportBasis, ReportView};

use crate::print;

/// What stands below a restated report; nothing below one as recorded.
pub(crate) fn note(basis: Option<&ReportBasis>) -> String {
    let Some(basis) = basis.filter(|basis| basis.view() == ReportView::AsRestated) else {
        return String::new();
    };
    if basis.differences.is_empty() {
        // Nothing changed, or a shared link does not tell what.
        return "\n\nrestated at today's versions".to_owned();
    }
    let mut table = print::table(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["Cause", "Task type", "Time saved", "Cost saved", "Version"]);
    for difference in &basis.differences {
        table.add_row([
            cause(difference),
            of(difference).to_owned(),
            print::hours(difference.time_saved_ms),
            print::money(&difference.cost_saved),
            versions(difference),
        ]);
    }
    print::right(&mut table, &[2, 3]);
    format!("\n\nrestated at today's versions; against what was recorded:\n{table}")
}

fn cause(difference: &Difference) -> String {
    let name = difference.cause().as_str_name().trim_start_matches("DIFFERENCE_CAUSE_");
    name.to_lowercase().replace('_', " ")
}

fn of(difference: &Difference) -> &str {
    if difference.task_type.is_empty() { "all others" } else { &difference.task_type }
}

fn versions(difference: &Difference) -> String {
    match (difference.from_version.as_str(), difference.to_version.as_str()) {
        ("", "") => String::new(),
        ("", to) => format!("now {to}"),
        (from, "") => format!("was {from}"),
        (from, to) => format!("{from} to {to}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::common::v1::Money;
    use wire::rollup::v1::DifferenceCause;

    #[test]
    fn only_a_restated_report_says_that_it_is_one_and_what_changed() {
        assert_eq!(note(Some(&ReportBasis::default())), "");
        let view = ReportView::AsRestated.into();
        let same = ReportBasis { view, ..ReportBasis::default() };
        assert_eq!(note(Some(&same)), "\n\nrestated at today's versions");
        let longer = Difference {
            cause: DifferenceCause::Baseline.into(),
            task_type: "customer_email_draft".to_owned(),
            time_saved_ms: 7_200_000,
            cost_saved: vec![Money { currency_code: "EUR".to_owned(), micros: 170_000_000 }],
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
        let note = note(Some(&other));
        for said in ["customer_email_draft", "2 h", "EUR 170.00", "builtin@1 to 7"] {
            assert!(note.contains(said), "{said} in {note}");
        }
        for said in ["savings policy", "all others", "-0.02 h", "now 8"] {
            assert!(note.contains(said), "{said} in {note}");
        }
    }
}
