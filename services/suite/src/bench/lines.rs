//! Measurements one below the other, as people read them.

use comfy_table::{CellAlignment, Table, presets};

use super::Sample;
use crate::print;

/// The rows of a report's table.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<Line>);

#[derive(Debug)]
struct Line {
    what: String,
    per_s: f64,
    p50_us: u64,
    p99_us: u64,
}

impl Lines {
    /// Notes a measurement of calls that carry `each` of what is counted; answers how many a second.
    pub(crate) fn note(&mut self, what: impl Into<String>, sample: &Sample, each: usize) -> f64 {
        let per_s = sample.per_second() * each as f64;
        let [p50_us, p99_us] = [0.5, 0.99].map(|share| sample.quantile_us(share));
        self.0.push(Line { what: what.into(), per_s, p50_us, p99_us });
        per_s
    }

    /// `counted` is what `each` was a number of, such as "Events/s".
    pub(crate) fn table(&self, counted: &str) -> String {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(["", counted, "p50", "p99"]);
        for line in &self.0 {
            table.add_row([
                line.what.clone(),
                print::count(line.per_s as i64),
                milliseconds(line.p50_us),
                milliseconds(line.p99_us),
            ]);
        }
        for column in 1..4 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.to_string()
    }
}

/// `1.25 ms`.
pub(crate) fn milliseconds(us: u64) -> String {
    format!("{:.2} ms", us as f64 / 1_000.0)
}
