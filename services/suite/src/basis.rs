//! What stands below a report for people: what its numbers rest on, as far as the answer tells.

use wire::ingest::v1::SavingsPolicy;
use wire::rollup::v1::{Measures, ReportBasis};

use crate::restated;

/// One quiet line, and below a restated report what that changed of `whole`, its measures.
pub(crate) fn below(basis: Option<&ReportBasis>, whole: Option<&Measures>) -> String {
    let Some(basis) = basis else { return String::new() };
    let line = line(basis).map(|line| format!("\n{line}")).unwrap_or_default();
    format!("{line}{}", restated::note(basis, whole))
}

fn line(basis: &ReportBasis) -> Option<String> {
    let policy = match basis.policy() {
        SavingsPolicy::Unspecified => None,
        policy => Some(policy.as_str_name().trim_start_matches("SAVINGS_POLICY_").to_lowercase()),
    };
    let policy = policy.map(|policy| format!("policy {policy}"));
    let zone = Some(&basis.time_zone).filter(|zone| !zone.is_empty());
    let said: Vec<String> =
        policy.into_iter().chain(zone.map(|zone| format!("zone {zone}"))).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_by_which_policy_and_zone_it_was_made_where_the_answer_does() {
        let strict = ReportBasis {
            policy: SavingsPolicy::Strict.into(),
            time_zone: "Europe/Amsterdam".to_owned(),
            ..Default::default()
        };
        assert_eq!(below(Some(&strict), None), "\npolicy strict, zone Europe/Amsterdam");
        assert_eq!(below(Some(&ReportBasis::default()), None), "");
        assert_eq!(below(None, None), "");
    }
}
