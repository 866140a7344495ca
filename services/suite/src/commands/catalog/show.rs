//! Values of the catalog as people read them.

use kernel::{Currency, Money};
use wire::catalog::v1::{Baseline, BaselineSource, HourlyRate, Version};

use crate::print;

/// `4 min`, `1 min 30 s`: a baseline is never rounded.
pub(super) fn effort(ms: i64) -> String {
    let (minutes, rest) = (ms / 60_000, ms % 60_000);
    let seconds = match (rest / 1_000, rest % 1_000) {
        (0, 0) => String::new(),
        (seconds, 0) => format!("{seconds} s"),
        (seconds, ms) => format!("{seconds}.{ms:03} s"),
    };
    match (minutes, seconds.as_str()) {
        (0, "") => "-".to_owned(),
        (0, seconds) => seconds.to_owned(),
        (minutes, "") => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds}"),
    }
}

/// The name of an enum's value without its prefix: `built in`.
pub(super) fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase().replace('_', " ")
}

pub(super) fn source(baseline: &Baseline) -> String {
    let source = baseline.source();
    match (source, baseline.original_baseline_ms) {
        (BaselineSource::Override, Some(ms)) => format!("override of {}", effort(ms)),
        _ => word(source.as_str_name(), "BASELINE_SOURCE_"),
    }
}

/// A rate without its hour: `EUR 85.00`.
pub(super) fn rate(rate: &HourlyRate) -> String {
    match Currency::new(&rate.currency_code) {
        Ok(currency) if !rate.withdrawn => {
            Money { micros: rate.rate_micros_per_hour, currency }.to_string()
        }
        _ => "withdrawn".to_owned(),
    }
}

/// Whose hour it is.
pub(super) fn whose(rate: &HourlyRate) -> String {
    match (rate.agent_id.as_str(), rate.team_id.as_str()) {
        ("", "") => "workspace".to_owned(),
        ("", team) => format!("team {team}"),
        (agent, _) => format!("agent {agent}"),
    }
}

/// Version, since when, who, why: the end of every row.
pub(super) fn version(version: Option<&Version>) -> [String; 4] {
    let Some(version) = version else { return Default::default() };
    // A built-in holds since ever.
    let since = match version.effective_time.as_ref() {
        Some(at) if at.seconds > 0 => print::moment(at),
        _ => "ever".to_owned(),
    };
    [version.version_id.clone(), since, version.actor.clone(), version.reason.clone()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effort_is_shown_to_the_millisecond() {
        let shown = [240_000, 90_000, 30_000, 250, 60_001, 0].map(effort);
        assert_eq!(shown, ["4 min", "1 min 30 s", "30 s", "0.250 s", "1 min 0.001 s", "-"]);
    }

    #[test]
    fn an_override_says_what_it_overrides() {
        let mut baseline = Baseline {
            source: BaselineSource::Override.into(),
            original_baseline_ms: Some(240_000),
            ..Default::default()
        };
        assert_eq!(source(&baseline), "override of 4 min");
        baseline.source = BaselineSource::BuiltIn.into();
        assert_eq!(source(&baseline), "built in");
    }
}
