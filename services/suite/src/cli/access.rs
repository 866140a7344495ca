//! What can be said about keys and workspaces that exist.

use std::time::Duration;

use clap::Args;

use super::{key_id, span};

#[derive(Args)]
pub(crate) struct RotateKey {
    /// Its id, the 16 characters behind tally_live_; or the whole key.
    #[arg(value_name = "KEY_ID", value_parser = key_id)]
    pub(crate) key_id: String,
    /// How long the old one still works, such as 30m, 24h or 7d; 0s ends it at once.
    #[arg(long, value_parser = span, default_value = "24h", allow_hyphen_values = true)]
    pub(crate) overlap: Duration,
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct UpdateWorkspace {
    /// Which one, as its operator: with the service token instead of a key.
    #[arg(long, value_name = "WS_…")]
    pub(crate) workspace: Option<String>,
    /// Its name.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// IANA zone of its reports, until `tally catalog set reporting` names another.
    #[arg(long)]
    pub(crate) time_zone: Option<String>,
    /// Whether unknown task types are recorded without a value instead of being refused.
    #[arg(long, value_name = "true|false")]
    pub(crate) accept_unknown_task_types: Option<bool>,
    /// Events a second; 0 for what the install says.
    #[arg(long, value_name = "EVENTS", allow_negative_numbers = true)]
    pub(crate) rate_limit: Option<i32>,
    /// Events at once after a pause; 0 for what the install says.
    #[arg(long, value_name = "EVENTS", allow_negative_numbers = true)]
    pub(crate) rate_burst: Option<i32>,
    /// Events a month (UTC) past which receipts carry a warning; 0 for none.
    #[arg(long, value_name = "EVENTS", allow_negative_numbers = true)]
    pub(crate) quota_soft: Option<i64>,
    /// Events a month (UTC) past which more are refused; 0 for none.
    #[arg(long, value_name = "EVENTS", allow_negative_numbers = true)]
    pub(crate) quota_hard: Option<i64>,
    /// Distinct agents, queues, … past which reports count the rest together; 0 for what the install says.
    #[arg(long, value_name = "VALUES", allow_negative_numbers = true)]
    pub(crate) dimension_values_max: Option<i32>,
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
