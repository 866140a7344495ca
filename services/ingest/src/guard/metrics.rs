//! What the guard said, and when it could not do its work.

use chassis::attr;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;

use crate::domain::guard::{Decision, Rule, Verdict};

/// Made when the service starts: an instrument made before telemetry stays silent.
pub(super) struct Metrics {
    verdicts: Counter<u64>,
    failed_open: Counter<u64>,
    unrecorded: Counter<u64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let counter = |name, description| {
            chassis::metrics::meter().u64_counter(name).with_description(description).build()
        };
        Self {
            verdicts: counter(attr::GUARD_VERDICTS, "Calls checked, by verdict and rule."),
            failed_open: counter(
                attr::GUARD_FAILED_OPEN,
                "Calls let through because the counters could not be read.",
            ),
            unrecorded: counter(
                attr::GUARD_UNRECORDED,
                "Denials that were answered and are not in the ledger for certain.",
            ),
        }
    }

    pub(super) fn count(&self, decision: &Decision) {
        let verdict = match decision.verdict {
            Verdict::Allow => "allow",
            Verdict::Warn => "warn",
            Verdict::Deny => "deny",
        };
        let rule = decision.rule.map_or("", Rule::name);
        let attributes =
            [KeyValue::new(attr::GUARD_VERDICT, verdict), KeyValue::new(attr::GUARD_RULE, rule)];
        self.verdicts.add(1, &attributes);
        if decision.failed_open {
            self.failed_open.add(1, &[]);
        }
    }

    pub(super) fn unrecorded(&self) {
        self.unrecorded.add(1, &[]);
    }
}
