//! Which tier of model an intent allows (METRICS 54).

use super::{Intent, IntentRules, Rule, Verdict};

/// How capable, and dear, a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Tier {
    Small,
    Standard,
    Large,
}

impl Tier {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Standard => "standard",
            Self::Large => "large",
        }
    }
}

/// What can go wrong when an answer is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Risk {
    Low,
    Medium,
    High,
    Critical,
}

/// What the policy says of a model of `tier`.
///
/// Over-tier (a smaller tier would do) is denied: an admin listed the tiers, the waste is certain, and
/// the caller has a cheaper model to go to. Under-tier is denied only where the risk is high or critical:
/// there a wrong answer costs more than none. Elsewhere it is a warning, because a fallback to a smaller
/// model is how a pipeline lives through an outage, and reviews catch what it gets wrong. What the catalog
/// does not know is never denied: a model released yesterday must not stop the work of today.
pub(super) fn policy(intent: &Intent, tier: Option<Tier>) -> (Verdict, Option<Rule>, String) {
    let warn = |rule, why: &str| (Verdict::Warn, Some(rule), why.to_owned());
    let Some(tier) = tier else {
        return match intent {
            Intent::Unknown => warn(Rule::UnmappedIntent, UNKNOWN_INTENT),
            _ => warn(
                Rule::UnmappedModel,
                "no price in the catalog says which tier this model is of",
            ),
        };
    };
    match intent {
        Intent::Unnamed => (Verdict::Allow, None, String::new()),
        Intent::Unknown => warn(Rule::UnmappedIntent, UNKNOWN_INTENT),
        Intent::Known(rules) => within(rules, tier),
    }
}

const UNKNOWN_INTENT: &str = "the catalog knows no such intent, or has archived it";

fn within(rules: &IntentRules, tier: Tier) -> (Verdict, Option<Rule>, String) {
    let allowed = &rules.allowed_tiers;
    if allowed.is_empty() || allowed.contains(&tier) {
        return (Verdict::Allow, None, String::new());
    }
    let is_over = allowed.iter().any(|allowed| *allowed < tier);
    let verdict = if is_over || rules.risk >= Risk::High { Verdict::Deny } else { Verdict::Warn };
    let names: Vec<&str> = allowed.iter().map(|tier| tier.name()).collect();
    let instead = if is_over { "a smaller one would do" } else { "a larger one is needed" };
    let why = format!(
        "the model is of tier {}, and the intent allows {}: {instead}",
        tier.name(),
        names.join(", ")
    );
    (verdict, Some(Rule::TierPolicy), why)
}
