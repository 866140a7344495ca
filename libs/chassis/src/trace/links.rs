//! Links of one span: distinct, sampled, and no more than the span keeps.

use std::collections::HashSet;

use kernel::TraceContext;

/// Links a span keeps. OpenTelemetry's own cut at 128 is silent; ours is counted on the span.
pub const LINKS_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Links {
    seen: HashSet<([u8; 16], [u8; 8])>,
    pub(super) dropped: u32,
}

impl Links {
    /// Whether to keep a link to `context`. Unsampled contexts would be dead links; a repeated one says
    /// nothing new; neither is counted.
    pub(super) fn admit(&mut self, context: TraceContext) -> bool {
        let key = (context.trace_id, context.span_id);
        if !context.sampled() || self.seen.contains(&key) {
            return false;
        }
        if self.seen.len() == LINKS_MAX {
            self.dropped = self.dropped.saturating_add(1);
            return false;
        }
        self.seen.insert(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(number: u16, flags: u8) -> TraceContext {
        let mut span_id = [1; 8];
        span_id[..2].copy_from_slice(&number.to_be_bytes());
        TraceContext { trace_id: [1; 16], span_id, flags }
    }

    #[test]
    fn sixty_four_distinct_links_are_kept_and_the_rest_is_counted() {
        let mut links = Links::default();
        let kept = (0..200).filter(|n| links.admit(context(*n, 1))).count();
        assert_eq!((kept, links.dropped), (64, 136));
    }

    #[test]
    fn repeated_and_unsampled_contexts_are_no_links() {
        let mut links = Links::default();
        assert!(links.admit(context(1, 1)));
        assert!(!links.admit(context(1, 1)));
        assert!(!links.admit(context(2, 0)));
        assert_eq!(links.dropped, 0);
    }
}
