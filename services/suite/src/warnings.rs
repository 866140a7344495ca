//! Warnings of receipts, for people.

use std::collections::BTreeMap;

use wire::ingest::v1::{Receipt, Warning};

/// Kinds of warnings, and how many receipts carried each.
#[derive(Debug, Default)]
pub(crate) struct Warnings(BTreeMap<Warning, u64>);

impl Warnings {
    pub(crate) fn of(receipt: &Receipt) -> Self {
        let mut warnings = Self::default();
        warnings.take(receipt);
        warnings
    }

    pub(crate) fn take(&mut self, receipt: &Receipt) {
        receipt.warnings().for_each(|warning| *self.0.entry(warning).or_default() += 1);
    }

    /// One line a kind, on stderr: what was recorded is recorded.
    pub(crate) fn tell(&self) {
        self.lines().for_each(|line| eprintln!("{line}"));
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(warning, receipts)| {
            let events = if *receipts == 1 { "" } else { &format!(" ({receipts} events)") };
            format!("warning: {}{events}", text(*warning))
        })
    }
}

fn text(warning: Warning) -> &'static str {
    match warning {
        Warning::Unspecified => "the receipt carries a warning that this version does not know",
        Warning::MonthlyQuota => "the workspace is past its soft quota of this month",
        Warning::DimensionOverflowed => {
            "a dimension has more values than the workspace may have; reports count this one as __other__"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_warning_is_said_once_with_how_often_it_came() {
        let receipt = |warnings: &[Warning]| Receipt {
            warnings: warnings.iter().map(|warning| (*warning).into()).collect(),
            ..Default::default()
        };
        let mut warnings = Warnings::of(&receipt(&[Warning::MonthlyQuota]));
        let lines: Vec<String> = warnings.lines().collect();
        assert_eq!(lines, ["warning: the workspace is past its soft quota of this month"]);
        warnings.take(&receipt(&[Warning::MonthlyQuota, Warning::DimensionOverflowed]));
        let lines: Vec<String> = warnings.lines().collect();
        assert!(lines[0].ends_with("of this month (2 events)") && lines.len() == 2, "{lines:?}");
        assert_eq!(Warnings::of(&receipt(&[])).lines().count(), 0);
    }
}
