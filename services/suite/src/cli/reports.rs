//! What every report can be asked with, and the commands that ask.

use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use wire::rollup::v1::{Dimension, Filter};

use super::edge::Edge;
use super::{PolicyArg, ViewArg, length};

/// The question all reports have in common.
#[derive(Args)]
pub(crate) struct Asked {
    /// The time up to now, with the quarter hour that runs, such as 24h or 7d.
    #[arg(
        long,
        value_parser = length,
        conflicts_with = "from",
        default_value = "30d",
        allow_hyphen_values = true
    )]
    pub(crate) last: Duration,
    /// Start of the window, on a quarter hour, RFC 3339; or, with --zone, the day that begins there.
    #[arg(long)]
    pub(crate) from: Option<Edge>,
    /// End of the window; what happens at it belongs to the next. Default: now, with the quarter hour
    /// that runs.
    #[arg(long, requires = "from")]
    pub(crate) to: Option<Edge>,
    /// IANA zone in which days, weeks and months begin. Default: the workspace's.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) zone: Option<String>,
    /// Only events with one of these values, such as agent=a,b; may be repeated for other dimensions.
    #[arg(long, value_name = "DIMENSION=VALUE,…", value_parser = filter)]
    pub(crate) filter: Vec<Filter>,
    /// How outcomes earn credit. Default: the workspace's.
    #[arg(long)]
    pub(crate) policy: Option<PolicyArg>,
    /// Which versions of baselines, rates and policy value the events: as recorded, or every step of the
    /// window with what holds today, also steps before a version's start date.
    #[arg(long, default_value = "recorded")]
    pub(crate) view: ViewArg,
    /// Wait until the report reflects this: the position of a receipt.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) at_least: String,
}

/// The overview.
#[derive(Args)]
pub(crate) struct OverviewOf {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// Compare with the window of equal length just before.
    #[arg(long)]
    pub(crate) compare: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderArg {
    #[value(alias = "time_saved")]
    TimeSaved,
    Events,
    Key,
}

/// Savings by dimensions.
#[derive(Args)]
pub(crate) struct SavingsOf {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// What to split by, such as task_type,agent; four at most.
    #[arg(long, value_delimiter = ',', value_parser = dimension, default_value = "task_type")]
    pub(crate) by: Vec<Dimension>,
    /// Order of the rows.
    #[arg(long, default_value = "time-saved")]
    pub(crate) order: OrderArg,
    /// Rows at most; the others are summed up in one.
    #[arg(
        long,
        default_value_t = 100,
        value_parser = clap::value_parser!(i32).range(1..=1_000),
        allow_negative_numbers = true
    )]
    pub(crate) limit: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bucket {
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    #[value(alias = "fiscal_quarter")]
    FiscalQuarter,
}

/// Measures along time.
#[derive(Args)]
pub(crate) struct SeriesOf {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// How long a bucket is; days, weeks and so on are those of the zone.
    #[arg(long, default_value = "day")]
    pub(crate) by: Bucket,
    /// A line for each value of these dimensions, such as agent; two at most.
    #[arg(long, value_delimiter = ',', value_parser = dimension)]
    pub(crate) split: Vec<Dimension>,
    /// Month the fiscal year begins with, 1 to 12. Default: the workspace's.
    #[arg(
        long,
        value_parser = clap::value_parser!(i32).range(1..=12),
        allow_negative_numbers = true
    )]
    pub(crate) fiscal_start: Option<i32>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally overview                                      the last 30 days
  tally overview --last 7d --filter queue=billing     only one queue
  tally overview --from 2026-01-01T00:00:00Z          from then until now
  tally overview --from 2026-01-01 --to 2026-02-01 --zone Europe/Amsterdam --by agent
  tally overview --agent support-triage --policy strict --json
  tally overview --view restated                      at today's baselines and rates, and what that changes
The key is read from TALLY_API_KEY; it must have the report scope.")]
pub(crate) struct Overview {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// Break the savings down by this, such as agent.
    #[arg(long, value_parser = dimension, default_value = "task_type")]
    pub(crate) by: Dimension,
    /// Only these agents; may be repeated.
    #[arg(long)]
    pub(crate) agent: Vec<String>,
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally savings --by task_type,agent --limit 10       the last 30 days
  tally savings --last 7d --filter agent=a,b --order events
  tally savings --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z --policy strict --json
  tally savings --view restated                       at today's baselines and rates, and what that changes
The key is read from TALLY_API_KEY; it must have the report scope.")]
pub(crate) struct Savings {
    #[command(flatten)]
    pub(crate) report: SavingsOf,
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    Hours,
    Events,
    Tickets,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally series --by day                               a bar a day, the last 30 days
  tally series --by week --last 90d --zone Europe/Amsterdam
  tally series --by hour --last 24h --split agent --show events
  tally series --by month --last 365d --view restated a year at today's baselines and rates
Bars are plain characters where NO_COLOR is set and where nobody looks at a terminal. \
The key is read from TALLY_API_KEY; it must have the report scope.")]
pub(crate) struct Series {
    #[command(flatten)]
    pub(crate) report: SeriesOf,
    /// What the bars are of.
    #[arg(long, default_value = "hours")]
    pub(crate) show: Shown,
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// As reports write them; a hyphen does as well.
pub(crate) fn dimension(text: &str) -> Result<Dimension, String> {
    let name = format!("DIMENSION_{}", text.trim().replace('-', "_").to_uppercase());
    let found = Dimension::from_str_name(&name).filter(|found| *found != Dimension::Unspecified);
    found.ok_or_else(|| {
        "there are task_type, agent, outcome, project, intent, queue, channel, language, technical, model, \
         baseline_version and rate_version"
            .to_owned()
    })
}

fn filter(text: &str) -> Result<Filter, String> {
    let (name, values) = text.split_once('=').ok_or("write dimension=value, such as agent=a,b")?;
    let values = values.split(',').map(str::to_owned).collect();
    Ok(Filter { dimension: dimension(name)?.into(), values })
}
