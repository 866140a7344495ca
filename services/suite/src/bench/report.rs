//! The figures of a run, for people and for machines.

use serde::Serialize;

use super::lines::{Lines, milliseconds};

/// What `tally bench ingest` found. A figure that was not taken is null.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Calls a second of a server that does nothing.
    pub(crate) echo_per_s: f64,
    /// Durable unary Track calls a second.
    pub(crate) track_per_s: f64,
    /// track_per_s over echo_per_s.
    pub(crate) track_vs_echo: f64,
    /// Durable events a second through TrackBatch.
    pub(crate) batch_per_s: f64,
    /// Rows a second of the bare multi-row INSERT.
    pub(crate) insert_per_s: Option<f64>,
    /// batch_per_s over insert_per_s.
    pub(crate) batch_vs_insert: Option<f64>,
    /// Microseconds of a Track call, median.
    pub(crate) p50_us: u64,
    /// Microseconds of a Track call, 99 %.
    pub(crate) p99_us: u64,
    /// Milliseconds from the answer of Track to a consumer of the ledger at 5,000 events/s, median.
    pub(crate) tail_p50_ms: Option<f64>,
    /// The same, 99 %.
    pub(crate) tail_p99_ms: Option<f64>,
    /// The most memory this process held, MiB: services, callers and all.
    pub(crate) rss_mib: Option<f64>,
    /// With ten times the callers: events accepted over batch_per_s.
    pub(crate) overload_vs_batch: Option<f64>,
    /// The same: microseconds of an accepted batch, 99 %.
    pub(crate) overload_p99_us: Option<u64>,
    /// The same: microseconds until a refusal, 99 %; 0 when nothing was refused.
    pub(crate) refused_p99_us: Option<u64>,
    /// The same: refused calls among all, 0 to 1.
    pub(crate) refused_share: Option<f64>,
    /// Events that stood in the ledger before anything was measured.
    pub(crate) preloaded: u64,
    #[serde(skip)]
    pub(crate) lines: Lines,
}

impl Report {
    /// One JSON object.
    pub(crate) fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// A table, and what the figures say.
    pub(crate) fn text(&self) -> String {
        let mut text = self.lines.table("Events/s");
        text.push_str(&format!("\nTrack / echo           {:.2}", self.track_vs_echo));
        if let Some(ratio) = self.batch_vs_insert {
            text.push_str(&format!("\nTrackBatch / INSERT    {ratio:.2}"));
        }
        if let (Some(ratio), Some(refused)) = (self.overload_vs_batch, self.refused_share) {
            text.push_str(&format!(
                "\nOverload / TrackBatch  {ratio:.2}, {} p99; {:.0} % of the calls refused, {} p99",
                milliseconds(self.overload_p99_us.unwrap_or(0)),
                refused * 100.0,
                milliseconds(self.refused_p99_us.unwrap_or(0)),
            ));
        }
        if let (Some(p50), Some(p99)) = (self.tail_p50_ms, self.tail_p99_ms) {
            text.push_str(&format!(
                "\nAck to consumer        {p50:.1} ms p50, {p99:.1} ms p99 at 5,000 events/s"
            ));
        }
        if let Some(rss) = self.rss_mib {
            text.push_str(&format!("\nMemory at most         {rss:.0} MiB, callers included"));
        }
        text
    }
}

/// The most this process ever held; `None` where the system does not tell.
pub(crate) fn memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_get_every_key_even_of_what_was_not_taken() {
        let json = Report::default().json().unwrap_or_default();
        let keys = [
            "echo_per_s",
            "track_per_s",
            "track_vs_echo",
            "batch_per_s",
            "insert_per_s",
            "batch_vs_insert",
            "p50_us",
            "p99_us",
            "rss_mib",
        ];
        for key in keys {
            assert!(json.contains(&format!("\"{key}\":")), "{json}");
        }
        assert!(!json.contains("lines"));
    }
}
