//! What a customer wants, and what an AI may do about it (METRICS 50, 54 to 56).

use kernel::Malformed;

use super::fields::Fields;
use super::node::{Entries, Node};
use super::words::{Life, in_words, line, worded};
use super::{IntentKey, span};

const NAME_LEN_MAX: usize = 120;
const DESCRIPTION_LEN_MAX: usize = 1_024;
const NAMES_MAX: usize = 50;
const FIELD_NAME_LEN_MAX: usize = 64;
const TOOL_NAME_LEN_MAX: usize = 255;

worded! {
    /// What can go wrong when the answer is wrong.
    Risk: "low, medium, high or critical" {
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }
}

worded! {
    /// How capable, and dear, a model is.
    Tier: "small, standard or large" {
        Small = "small",
        Standard = "standard",
        Large = "large",
    }
}

/// One definition of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) key: IntentKey,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) risk: Risk,
    pub(crate) ai_may_resolve: bool,
    pub(crate) required_identifiers: Vec<String>,
    pub(crate) packet_fields: Vec<String>,
    /// Empty: any.
    pub(crate) allowed_tiers: Vec<Tier>,
    pub(crate) limits: CallLimits,
    pub(crate) life: Life,
}

/// How often a call may be repeated on one ticket and stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallLimits {
    pub(crate) retries_max: i64,
    pub(crate) identical_calls_max: i64,
    pub(crate) identical_retryable_calls_max: i64,
    pub(crate) polling_tools: Vec<String>,
    pub(crate) memory_ms: i64,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            retries_max: 2,
            identical_calls_max: 1,
            identical_retryable_calls_max: 2,
            polling_tools: Vec::new(),
            memory_ms: 24 * 60 * 60 * 1_000,
        }
    }
}

impl Intent {
    pub(super) fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let key = f.take("intent", IntentKey::new);
        let name = f.some_line("display_name", NAME_LEN_MAX);
        let description = f.prose("description", DESCRIPTION_LEN_MAX);
        let risk = f.take("risk", Risk::parse);
        let ai_may_resolve = f.truth("ai_may_resolve", false);
        let most = f.reading().most(FIELD_NAME_LEN_MAX);
        let field_name = |text: &str| line(text, most);
        let required_identifiers = f.texts("required_identifiers", NAMES_MAX, field_name);
        let packet_fields = f.texts("packet_fields", NAMES_MAX, field_name);
        let allowed_tiers = f.texts("allowed_tiers", NAMES_MAX, Tier::parse);
        let limits = f.map("call_limits", CallLimits::read);
        let life = f.optional("state", Life::parse);
        let key = key?;
        let mut allowed_tiers = allowed_tiers?;
        allowed_tiers.sort_unstable();
        Some(Self {
            name: name?.unwrap_or_else(|| in_words(key.as_str())),
            description: description?,
            risk: risk?,
            ai_may_resolve: ai_may_resolve?,
            required_identifiers: required_identifiers?,
            packet_fields: packet_fields?,
            allowed_tiers,
            limits: limits?.unwrap_or_default(),
            life: life?.unwrap_or(Life::Active),
            key,
        })
    }

    pub(super) fn write(&self) -> Node {
        let name = if self.name == in_words(self.key.as_str()) { "" } else { &self.name };
        Entries::default()
            .text("intent", self.key.as_str())
            .text("display_name", name)
            .text("description", &self.description)
            .text("risk", self.risk.as_str())
            .text("ai_may_resolve", self.ai_may_resolve)
            .texts("required_identifiers", &self.required_identifiers)
            .texts("packet_fields", &self.packet_fields)
            .texts("allowed_tiers", self.allowed_tiers.iter().map(|tier| tier.as_str()))
            .map("call_limits", self.limits.write())
            .text("state", if self.life == Life::Active { "" } else { self.life.as_str() })
            .node()
    }
}

impl CallLimits {
    const MEMORY_MS_MIN: i64 = 1_000;
    const MEMORY_MS_MAX: i64 = 7 * 24 * 60 * 60 * 1_000;

    fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let default = Self::default();
        let retries = f.number("retries_max", default.retries_max, 0..=100);
        let identical = f.number("identical_calls_max", default.identical_calls_max, 1..=100);
        let retryable = f.number(
            "identical_retryable_calls_max",
            default.identical_retryable_calls_max,
            1..=100,
        );
        let most = f.reading().most(TOOL_NAME_LEN_MAX);
        let tools = f.texts("polling_tools", NAMES_MAX, |text| line(text, most));
        let (reading, limits) = (f.reading(), Self::MEMORY_MS_MIN..=Self::MEMORY_MS_MAX);
        let memory = f.optional("memory_duration", |text| {
            let ms = span::parse(text).filter(|ms| reading.allows(&limits, *ms));
            ms.ok_or_else(|| Malformed::new("a span from 1s to 7d, such as 24h", text))
        });
        Some(Self {
            retries_max: retries?,
            identical_calls_max: identical?,
            identical_retryable_calls_max: retryable?,
            polling_tools: tools?,
            memory_ms: memory?.unwrap_or(default.memory_ms),
        })
    }

    /// All of it: a default of tomorrow is none of what was set today.
    fn write(&self) -> Node {
        Entries::default()
            .text("retries_max", self.retries_max)
            .text("identical_calls_max", self.identical_calls_max)
            .text("identical_retryable_calls_max", self.identical_retryable_calls_max)
            .texts("polling_tools", &self.polling_tools)
            .text("memory_duration", span::write(self.memory_ms))
            .node()
    }
}
