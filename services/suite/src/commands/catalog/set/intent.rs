//! `tally catalog set intent`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use wire::catalog::v1 as pb;

use super::How;
use super::price::Tier;
use crate::cli::span;

#[derive(Args)]
#[command(after_help = "\
Example:
  tally catalog set intent refund --risk high --tier standard --tier large --identifier order_number \\
      --packet-field steps_tried --reason \"Reviewed by the support lead\"")]
pub(in super::super) struct Intent {
    /// Its key, as tickets name it: lower-case snake_case.
    intent: String,
    /// What can go wrong when the answer is wrong.
    #[arg(long)]
    risk: Risk,
    /// Let an AI resolve such a ticket without a human.
    #[arg(long)]
    ai_may_resolve: bool,
    /// An identifier an intake must hold, such as order_number. May be repeated.
    #[arg(long)]
    identifier: Vec<String>,
    /// A field an escalation packet must hold, such as steps_tried. May be repeated.
    #[arg(long)]
    packet_field: Vec<String>,
    /// A tier a model may be of. May be repeated. Default: any.
    #[arg(long)]
    tier: Vec<Tier>,
    /// Retries of an LLM call allowed in one chain, 0 to 100.
    #[arg(long, default_value_t = 2)]
    retries: i32,
    /// Identical tool calls allowed when the last result was final, 1 to 100.
    #[arg(long, default_value_t = 1)]
    identical_calls: i32,
    /// Identical tool calls allowed when the last result said to try again, 1 to 100.
    #[arg(long, default_value_t = 2)]
    identical_retryable_calls: i32,
    /// A tool that polls and is never counted as identical. May be repeated.
    #[arg(long)]
    polling_tool: Vec<String>,
    /// How long calls are remembered, 1s to 7d.
    #[arg(long, value_parser = span, default_value = "24h")]
    memory: Duration,
    /// What people see. Default: the key in words.
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// What belongs to it and what does not.
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// Tickets may no longer name it.
    #[arg(long)]
    archive: bool,
    #[command(flatten)]
    how: How,
}

#[derive(Clone, Copy, ValueEnum)]
enum Risk {
    Low,
    Medium,
    High,
    Critical,
}

impl Intent {
    /// What is set, and how.
    pub(super) fn parts(self) -> (pb::Intent, How) {
        let risk = match self.risk {
            Risk::Low => pb::RiskLevel::Low,
            Risk::Medium => pb::RiskLevel::Medium,
            Risk::High => pb::RiskLevel::High,
            Risk::Critical => pb::RiskLevel::Critical,
        };
        let state = if self.archive { pb::IntentState::Archived } else { pb::IntentState::Active };
        let seconds = i64::try_from(self.memory.as_secs()).unwrap_or(i64::MAX);
        // Below a billion: it fits.
        let nanos = i32::try_from(self.memory.subsec_nanos()).unwrap_or_default();
        let limits = pb::CallLimits {
            retries_max: Some(self.retries),
            identical_calls_max: Some(self.identical_calls),
            identical_retryable_calls_max: Some(self.identical_retryable_calls),
            polling_tools: self.polling_tool,
            memory_duration: Some(wire::Duration { seconds, nanos }),
        };
        let intent = pb::Intent {
            intent: self.intent,
            display_name: self.name,
            description: self.description,
            risk: risk.into(),
            ai_may_resolve: self.ai_may_resolve,
            required_identifiers: self.identifier,
            packet_fields: self.packet_field,
            allowed_tiers: self.tier.into_iter().map(|tier| tier.message().into()).collect(),
            call_limits: Some(limits),
            state: state.into(),
            version: None,
        };
        (intent, self.how)
    }
}
