//! Which traces are kept.

use opentelemetry::trace::{Link, SpanKind, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

use crate::config::Reader;

/// How roots are chosen, and whether children follow their parent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Share of the roots that is kept, 0 to 1.
    pub ratio: f64,
    /// Whether a caller's decision stands.
    pub parent_based: bool,
}

impl Default for Sampling {
    /// The standard's: every root, and callers decide for theirs.
    fn default() -> Self {
        Self { ratio: 1.0, parent_based: true }
    }
}

impl Sampling {
    /// Reads `OTEL_TRACES_SAMPLER` and its argument.
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let name: String = r.standard(
            "OTEL_TRACES_SAMPLER",
            "parentbased_always_on",
            "Which traces are kept: always_on, always_off, traceidratio, each also as parentbased_….",
        );
        let ratio: f64 = r.standard(
            "OTEL_TRACES_SAMPLER_ARG",
            "1.0",
            "Share of the traces the traceidratio samplers keep.",
        );
        if !(0.0..=1.0).contains(&ratio) {
            r.refuse(format!(
                "OTEL_TRACES_SAMPLER_ARG: \"{ratio}\" is not a share from 0.0 to 1.0"
            ));
        }
        let (parent_based, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name.as_str()),
        };
        let ratio = match root {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => ratio,
            _ => {
                r.refuse(format!("OTEL_TRACES_SAMPLER: {name:?} is not a sampler we know"));
                1.0
            }
        };
        Self { ratio, parent_based }
    }

    pub(super) fn sampler(self) -> AnyLinkSampled {
        let root = Sampler::TraceIdRatioBased(self.ratio);
        let base: Box<dyn ShouldSample> =
            if self.parent_based { Box::new(Sampler::parent_based(root)) } else { Box::new(root) };
        AnyLinkSampled(base)
    }
}

/// Keeps a span that links to a kept one, and leaves the rest to another sampler.
///
/// A commit and a batch are traces of their own: without this, a call that is kept would point at a
/// commit that is not.
#[derive(Clone, Debug)]
pub struct AnyLinkSampled(pub Box<dyn ShouldSample>);

impl ShouldSample for AnyLinkSampled {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let otherwise =
            self.0.should_sample(parent_context, trace_id, name, span_kind, attributes, links);
        if otherwise.decision == SamplingDecision::RecordAndSample
            || !links.iter().any(|link| link.span_context.is_sampled())
        {
            return otherwise;
        }
        SamplingResult {
            decision: SamplingDecision::RecordAndSample,
            attributes: Vec::new(),
            trace_state: TraceState::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::to_otel;
    use kernel::TraceContext;

    fn decide(sampling: Sampling, links: &[Link]) -> SamplingDecision {
        let id = TraceId::from_bytes([0xff; 16]);
        sampling
            .sampler()
            .should_sample(None, id, "send ledger", &SpanKind::Client, &[], links)
            .decision
    }

    fn link(flags: u8) -> Link {
        Link::with_context(to_otel(TraceContext { trace_id: [1; 16], span_id: [1; 8], flags }))
    }

    #[test]
    fn a_commit_is_kept_when_any_of_its_calls_is() {
        let none = Sampling { ratio: 0.0, parent_based: true };
        assert_eq!(decide(none, &[]), SamplingDecision::Drop);
        assert_eq!(decide(none, &[link(0)]), SamplingDecision::Drop);
        assert_eq!(decide(none, &[link(0), link(1)]), SamplingDecision::RecordAndSample);
    }

    #[test]
    fn roots_are_kept_by_the_ratio() {
        let all = Sampling { ratio: 1.0, parent_based: true };
        assert_eq!(decide(all, &[]), SamplingDecision::RecordAndSample);
    }
}
