//! What the guard says before a call to a model or a tool, from rules and counts alone.
//!
//! In two steps, because counting a call is saying that it may be made: first what can be said without
//! counters, then, where that was no denial, what the counter says.

mod book;
mod rules;
mod tier;

#[cfg(test)]
mod tests;

pub(crate) use book::Book;
pub(crate) use rules::{Intent, IntentRules, LastResult, Limits};
pub(crate) use tier::{Risk, Tier};

/// What the guard says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Allow,
    Warn,
    Deny,
}

/// Which rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    TierPolicy,
    UnmappedIntent,
    UnmappedModel,
    RetryBudget,
    IdenticalToolCall,
}

impl Rule {
    /// As the contract names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TierPolicy => "tier-policy",
            Self::UnmappedIntent => "unmapped-intent",
            Self::UnmappedModel => "unmapped-model",
            Self::RetryBudget => "retry-budget",
            Self::IdenticalToolCall => "identical-tool-call",
        }
    }
}

/// A verdict and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) verdict: Verdict,
    /// None when allowed without one.
    pub(crate) rule: Option<Rule>,
    /// Calls made before, as far as known.
    pub(crate) seen: u32,
    /// A call is denied once `seen` has reached it; 0 without a limit.
    pub(crate) limit: u32,
    /// Which attempt at the call this is, those denied before included.
    pub(crate) attempt: u32,
    /// The counters could not be read.
    pub(crate) failed_open: bool,
    /// For people.
    pub(crate) why: String,
}

/// What a counter said to this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    /// It is one of those the limit allows, and counted.
    pub(crate) granted: bool,
    /// Calls counted before it.
    pub(crate) before: u32,
    /// Calls turned away before it.
    pub(crate) refused: u32,
}

/// What comes after the first step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing is left to ask.
    Done(Decision),
    /// The call may be made if fewer than `limit` were; then the decision is [`Decision::counted`].
    Count { limit: u32, so_far: Decision },
}

/// The first word on a call to a model of `tier`, which the caller says is its `attempt` (from 1).
pub(crate) fn before_model(intent: &Intent, tier: Option<Tier>, attempt: u32) -> Step {
    let attempt = attempt.max(1);
    let (verdict, rule, why) = tier::policy(intent, tier);
    let so_far = Decision { verdict, rule, why, seen: 0, limit: 0, attempt, failed_open: false };
    if verdict == Verdict::Deny {
        return Step::Done(so_far);
    }
    let limit = intent.limits().attempts_max();
    let seen = attempt - 1;
    if seen >= limit {
        return Step::Done(so_far.denied(Rule::RetryBudget, seen, limit));
    }
    Step::Count { limit, so_far: Decision { seen, limit, ..so_far } }
}

/// The first word on a call to a tool whose last result with the same arguments was `last`.
pub(crate) fn before_tool(intent: &Intent, tool: &str, last: Option<LastResult>) -> Step {
    let limits = intent.limits();
    let limit = if limits.polls(tool) { 0 } else { limits.identical(last) };
    let so_far = Decision {
        verdict: Verdict::Allow,
        rule: None,
        why: String::new(),
        seen: 0,
        limit,
        attempt: 1,
        failed_open: false,
    };
    if limit == 0 { Step::Done(so_far) } else { Step::Count { limit, so_far } }
}

impl Decision {
    /// With the counter's word under `rule`. No word is no denial: a guard that is out of order must not
    /// stop the work it guards.
    pub(crate) fn counted(self, rule: Rule, counted: Option<Counted>) -> Self {
        let Some(Counted { granted, before, refused }) = counted else {
            return Self { failed_open: true, ..self };
        };
        // The caller may know of attempts the guard was not asked about, and the other way round.
        let seen = self.seen.max(before);
        if granted {
            return Self { seen, attempt: seen.saturating_add(1), ..self };
        }
        let attempt = self.attempt.max(before.saturating_add(refused).saturating_add(1));
        let limit = self.limit;
        Self { attempt, ..self }.denied(rule, seen, limit)
    }

    fn denied(self, rule: Rule, seen: u32, limit: u32) -> Self {
        let what = match rule {
            Rule::IdenticalToolCall => "the same call with the same arguments",
            _ => "a call to a model",
        };
        let times = if seen == 1 { "once".to_owned() } else { format!("{seen} times") };
        let why =
            format!("{what} was made {times} on this ticket and stage; at most {limit} may be");
        Self { verdict: Verdict::Deny, rule: Some(rule), why, seen, limit, ..self }
    }
}
