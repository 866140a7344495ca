//! What can be said about reports as files.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::reports::{OverviewOf, SavingsOf, SeriesOf};

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally export savings --by task_type,agent --csv -o savings.csv
  tally export series --by month --last 365d --json > series.json
  tally export savings --view restated -o today.csv   at today's baselines and rates, the differences on top
  tally export overview --compare --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z
The numbers are those of the report. In CSV, lines that begin with # say what they rest on, and text that a \
spreadsheet would take for a formula has an apostrophe in front.")]
pub(crate) struct Export {
    #[command(subcommand)]
    pub(crate) what: ExportWhat,
}

#[derive(Subcommand)]
pub(crate) enum ExportWhat {
    /// The whole of a window.
    Overview {
        #[command(flatten)]
        report: OverviewOf,
        #[command(flatten)]
        file: ExportFile,
    },
    /// Savings by dimensions.
    Savings {
        #[command(flatten)]
        report: SavingsOf,
        #[command(flatten)]
        file: ExportFile,
    },
    /// Measures along time.
    Series {
        #[command(flatten)]
        report: SeriesOf,
        #[command(flatten)]
        file: ExportFile,
    },
}

/// Where it goes, and as what.
#[derive(Args)]
pub(crate) struct ExportFile {
    /// As CSV, which is the default of all but files that end in .json.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// As one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// The file to write. Default: stdout.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

impl ExportFile {
    pub(crate) fn is_json(&self) -> bool {
        let extension = self.output.as_ref().and_then(|path| path.extension());
        self.json || (!self.csv && extension.is_some_and(|ext| ext.eq_ignore_ascii_case("json")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_by_its_name_what_it_is_unless_it_is_told() {
        let is_json = |csv, json, name: Option<&str>| {
            ExportFile { csv, json, output: name.map(Into::into) }.is_json()
        };
        assert!(is_json(false, false, Some("a.json")) && is_json(false, false, Some("b/a.JSON")));
        assert!(is_json(false, true, Some("a.csv")) && is_json(false, true, None));
        assert!(!is_json(true, false, Some("a.json")));
        assert!(!is_json(false, false, Some("a.txt")) && !is_json(false, false, None));
    }
}
