//! The figures of `tally bench query`, for people and for machines.

use serde::Serialize;

use super::overviews::ENOUGH;
use super::{Rebuilt, WORKSPACES};
use crate::bench::{Lines, Sample};
use crate::print;

/// What `tally bench query` found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct QueryReport {
    /// Microseconds of an overview of 30 days of the large workspace from the cache, median.
    pub(crate) overview_p50_us_hot: u64,
    /// The same, 99 %.
    pub(crate) overview_p99_us_hot: u64,
    /// Microseconds of an overview that no cache can answer, median.
    pub(crate) overview_p50_us_cold: u64,
    /// The same, 99 %.
    pub(crate) overview_p99_us_cold: u64,
    /// How many such overviews these figures are of.
    pub(crate) overviews_cold: usize,
    /// overview_p99_us_cold over the same figure of the small ledger.
    pub(crate) growth_ratio: f64,
    /// overview_p50_us_cold over the same figure of the small ledger.
    pub(crate) growth_ratio_p50: f64,
    /// Events of the small ledger.
    pub(crate) small_events: u64,
    /// Overviews and savings reports a second.
    pub(crate) queries_per_s: f64,
    /// Milliseconds from the answer of Track to an overview with that event, median.
    pub(crate) freshness_p50_ms: f64,
    /// The same, 99 %.
    pub(crate) freshness_p99_ms: f64,
    /// Events a second that were tracked meanwhile: 5,000 where the machine can.
    pub(crate) freshness_events_per_s: f64,
    /// Events a second of a backlog.
    pub(crate) consume_per_s: f64,
    /// Events reported on.
    pub(crate) events: u64,
    /// Events a second replayed by the rebuilds, where they were asked for.
    pub(crate) rebuild_per_s: Option<f64>,
    /// Workspaces whose cells came out of their rebuild to the byte as they were.
    pub(crate) rebuilds_identical: Option<usize>,
    /// The most memory this process held, MiB: services, callers and all.
    pub(crate) rss_mib: Option<f64>,
    #[serde(skip)]
    lines: Lines,
}

impl QueryReport {
    /// Of a ledger of so many events; the figures are yet to come.
    pub(crate) fn of(events: u64) -> Self {
        Self { events, ..Self::default() }
    }

    /// Takes in the hot overviews of the full ledger.
    pub(crate) fn hot(&mut self, sample: &Sample) {
        self.lines.note("Overview from the cache", sample, 1);
        self.overview_p50_us_hot = sample.quantile_us(0.5);
        self.overview_p99_us_hot = sample.quantile_us(0.99);
    }

    /// Takes in the cold overviews of the full ledger, and of the one that held `small.1` events.
    pub(crate) fn cold(&mut self, sample: &Sample, small: (&Sample, u64)) {
        let of = |events: u64| print::count(i64::try_from(events).unwrap_or(i64::MAX));
        self.lines.note(format!("Overview without it, of {}", of(small.1)), small.0, 1);
        self.lines.note(format!("Overview without it, of {}", of(self.events)), sample, 1);
        self.overview_p50_us_cold = sample.quantile_us(0.5);
        self.overview_p99_us_cold = sample.quantile_us(0.99);
        self.overviews_cold = sample.calls();
        self.small_events = small.1;
        let ratio =
            |share| sample.quantile_us(share) as f64 / small.0.quantile_us(share).max(1) as f64;
        self.growth_ratio = ratio(0.99);
        self.growth_ratio_p50 = ratio(0.5);
    }

    /// Takes in what many callers asked at once.
    pub(crate) fn traffic(&mut self, sample: &Sample) {
        self.queries_per_s = self.lines.note("Overviews and savings", sample, 1);
    }

    /// Takes in how long events were on their way to a report, at so many events a second.
    pub(crate) fn fresh(&mut self, sample: &Sample, events_per_s: f64) {
        let ms = |share| sample.quantile_us(share) as f64 / 1_000.0;
        self.freshness_p50_ms = ms(0.5);
        self.freshness_p99_ms = ms(0.99);
        self.freshness_events_per_s = events_per_s;
    }

    /// Takes in what counting all of it again came to.
    pub(crate) fn rebuilt(&mut self, rebuilt: Rebuilt) {
        self.rebuild_per_s = Some(rebuilt.per_s);
        self.rebuilds_identical = Some(rebuilt.identical);
    }

    /// One JSON object.
    pub(crate) fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// A table, and what the figures say.
    pub(crate) fn text(&self) -> String {
        let count = |figure: f64| print::count(figure as i64);
        let mut text = self.lines.table("Calls/s");
        text.push_str(&format!(
            "\nGrowth                 {:.2} p99, {:.2} p50: full ledger over small",
            self.growth_ratio, self.growth_ratio_p50
        ));
        text.push_str(&format!("\nBacklog consumed       {} events/s", count(self.consume_per_s)));
        text.push_str(&format!(
            "\nAck to report          {:.1} ms p50, {:.1} ms p99 at {} events/s",
            self.freshness_p50_ms,
            self.freshness_p99_ms,
            count(self.freshness_events_per_s)
        ));
        if let (Some(per_s), Some(identical)) = (self.rebuild_per_s, self.rebuilds_identical) {
            text.push_str(&format!(
                "\nRebuilt                {} events/s, {identical} of {WORKSPACES} workspaces as before",
                count(per_s)
            ));
        }
        if self.overviews_cold < ENOUGH {
            text.push_str(&format!(
                "\nNote                   only {} overviews without the cache: p99 is a guess",
                self.overviews_cold
            ));
        }
        if let Some(rss) = self.rss_mib {
            text.push_str(&format!("\nMemory at most         {rss:.0} MiB, callers included"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn machines_get_every_key() {
        let json = QueryReport::default().json().unwrap_or_default();
        let keys = [
            "overview_p50_us_hot",
            "overview_p99_us_hot",
            "overview_p50_us_cold",
            "overview_p99_us_cold",
            "growth_ratio",
            "growth_ratio_p50",
            "queries_per_s",
            "freshness_p50_ms",
            "freshness_p99_ms",
            "consume_per_s",
            "events",
            "rss_mib",
        ];
        for key in keys {
            assert!(json.contains(&format!("\"{key}\":")), "{json}");
        }
        assert!(!json.contains("lines"));
    }

    #[test]
    fn growth_is_the_full_ledger_over_the_small_one() {
        let sample = |took_us| Sample::new(took_us, Duration::from_secs(1));
        let mut report = QueryReport::of(10_000_000);
        report.cold(&sample(vec![300, 300, 900]), (&sample(vec![200, 200, 300]), 100_000));
        assert_eq!((report.growth_ratio, report.growth_ratio_p50), (3.0, 1.5));
        assert_eq!((report.overview_p99_us_cold, report.overviews_cold), (900, 3));
        let text = report.text();
        assert!(text.contains("Overview without it, of 100,000"), "{text}");
        assert!(text.contains("3.00 p99, 1.50 p50"), "{text}");
        assert!(text.contains("only 3 overviews"), "{text}");
        assert!(!text.contains("Rebuilt"), "{text}");
        report.rebuilt(Rebuilt { per_s: 40_000.0, identical: 100 });
        let text = report.text();
        assert!(text.contains("40,000 events/s, 100 of 100 workspaces as before"), "{text}");
    }
}
