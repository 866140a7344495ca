//! What can be said about shared links, checks and rebuilds.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::reports::{Asked, OverviewOf, SavingsOf, SeriesOf};
use super::span;

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally share create savings --by task_type --title \"What the assistants saved\" --expires 30d
  tally share create overview --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z --frozen --title \"January\"
  tally share create series --by month --last 365d --title \"Month by month\"
  tally share list
  tally share open <TOKEN>                            as its reader, without a key
  tally share log sh_0000000000001                    who opened it
  tally share revoke sh_0000000000001
A link shows one report and nothing else; no text of a ticket, no key needed. Making, listing and revoking \
takes a key with the admin scope in TALLY_API_KEY.")]
pub(crate) struct Share {
    #[command(subcommand)]
    pub(crate) action: ShareAction,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one per process")]
pub(crate) enum ShareAction {
    /// Make a link; its token is shown this once.
    Create {
        #[command(subcommand)]
        what: ShareWhat,
    },
    /// List the links, the newest first.
    List {
        /// Print as JSON, one a line.
        #[arg(long)]
        json: bool,
    },
    /// End a link at once.
    Revoke {
        /// Its id.
        #[arg(value_name = "SH_…")]
        share_link_id: String,
    },
    /// Who opened a link, and who tried, the latest first.
    Log {
        /// Its id.
        #[arg(value_name = "SH_…")]
        share_link_id: String,
        /// Print as JSON, one a line.
        #[arg(long)]
        json: bool,
    },
    /// Read what a link shows, as anybody who has its token.
    Open {
        /// The token of the link. One in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        token: String,
        /// The passcode, where the link asks for one.
        #[arg(long, default_value = "", hide_default_value = true)]
        passcode: String,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum ShareWhat {
    /// The whole of a window.
    Overview {
        #[command(flatten)]
        report: OverviewOf,
        #[command(flatten)]
        link: ShareLink,
    },
    /// Savings by dimensions.
    Savings {
        #[command(flatten)]
        report: SavingsOf,
        #[command(flatten)]
        link: ShareLink,
    },
    /// Measures along time.
    Series {
        #[command(flatten)]
        report: SeriesOf,
        #[command(flatten)]
        link: ShareLink,
    },
}

/// What of a link is not its report.
#[derive(Args)]
pub(crate) struct ShareLink {
    /// What the reader sees above the report.
    #[arg(long)]
    pub(crate) title: String,
    /// Show the report as it is now, for ever; else it is computed when opened.
    #[arg(long)]
    pub(crate) frozen: bool,
    /// When it ends, from now, such as 7d; 366d at most.
    #[arg(long, value_parser = span, default_value = "90d", allow_hyphen_values = true)]
    pub(crate) expires: Duration,
    /// Something the reader must also know, 8 to 128 bytes.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) passcode: String,
    /// Leave out rows with fewer than 5 tickets, and one more where those could be told by subtracting.
    #[arg(long)]
    pub(crate) suppress_small: bool,
    /// Your name for this request: the same again makes no second link. Default: one of its own.
    #[arg(long)]
    pub(crate) request_id: Option<String>,
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally check                                         the last 30 days; exit code 1 where a sum does not hold
  tally check --last 7d --ledger                      against every entry of the ledger too
The key is read from TALLY_API_KEY; it must have the report scope.")]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// Recount from the ledger too, which reads every entry of the window.
    #[arg(long)]
    pub(crate) ledger: bool,
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally rebuild --reason \"after the upgrade\" --wait   recount the workspace from the ledger, with progress
  tally rebuild --id rb_0000000000001 --wait          follow one that runs
Reports go on from the old cells until the new ones take their place. The key is read from TALLY_API_KEY; it \
must have the admin scope.")]
pub(crate) struct Rebuild {
    /// Why.
    #[arg(long, required_unless_present = "id", conflicts_with = "id")]
    pub(crate) reason: Option<String>,
    /// One that was started before, instead of a new one.
    #[arg(long, value_name = "RB_…")]
    pub(crate) id: Option<String>,
    /// Wait for its end; exit code 1 when it failed.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
