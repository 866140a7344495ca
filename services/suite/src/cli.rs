//! The command line: what can be said, with an example for each command.

mod access;
mod bench;
pub(crate) mod edge;
mod examples;
pub(crate) mod files;
pub(crate) mod reports;
pub(crate) mod shares;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use kernel::{Currency, Timestamp, decimal};

use crate::commands::catalog::Catalog;
use crate::commands::correct::{Retract, Revise};
use crate::commands::events::Events;
pub(crate) use access::{RotateKey, UpdateWorkspace};
pub(crate) use bench::{Bench, BenchIngest, BenchQuery, BenchWhat};

/// What was typed; says why not, or what was asked about, and ends the process where it is no command.
pub(crate) fn typed() -> Cli {
    let matches = examples::handed_down(Cli::command()).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The ledger of what AI does in customer support.
#[derive(Parser)]
#[command(
    name = "tally",
    version,
    max_term_width = 100,
    after_help = "\
Settings are environment variables: `tally config` prints those in effect.
Try it: tally demo --once"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the services: all of them in this process, or one.
    Serve(Serve),
    /// Start everything, replay a month of a support team, print its report.
    Demo(Demo),
    /// Record events.
    Track(Track),
    /// List the events of the ledger, or print one.
    Events(Events),
    /// Judge a step anew.
    Revise(Revise),
    /// Take an event back.
    Retract(Retract),
    /// What steps, hours, tokens and currencies are worth: list, set, import.
    Catalog(Catalog),
    /// What was saved: hours, money, outcomes.
    Overview(reports::Overview),
    /// What was saved, split by anything.
    Savings(reports::Savings),
    /// What was saved, hour by hour, day by day or month by month.
    Series(reports::Series),
    /// A report as a CSV or JSON file.
    Export(files::Export),
    /// Links that show one report to people without a key.
    Share(shares::Share),
    /// Recount: segments against totals, cells against the ledger.
    Check(shares::Check),
    /// Count everything anew from the ledger.
    Rebuild(shares::Rebuild),
    /// Create and change workspaces.
    Workspace(Workspace),
    /// Create, list, rotate and revoke API keys.
    Key(Key),
    /// Bring the databases up to this version.
    Migrate(Migrate),
    /// Print the settings in effect, secrets hidden.
    Config(Config),
    /// Measure what this machine can do.
    Bench(Bench),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    All,
    Ingest,
    BaselineCatalog,
    Rollup,
    AuditSampling,
    WebhookDispatch,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally serve all                                     everything, SQLite under ./tally-data
  TALLY_DATABASE_URL=postgres://… tally serve ingest  one service of several processes")]
pub(crate) struct Serve {
    /// What to run.
    pub(crate) which: Which,
    /// Bring the databases up to this version first. Embedded databases always are.
    #[arg(long)]
    pub(crate) migrate: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally demo --once                                   print the report and exit
  tally demo                                          print the report and serve on
Run it again, or after a kill: everything is sent again, and nothing counts twice.")]
pub(crate) struct Demo {
    /// Exit after the report instead of serving on.
    #[arg(long)]
    pub(crate) once: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the demo's own webhook subscriber listens.
    #[arg(long, default_value = "127.0.0.1:7790")]
    pub(crate) receiver: SocketAddr,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutcomeArg {
    Success,
    #[value(alias = "needs_review")]
    NeedsReview,
    Failure,
    Pending,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally track --agent support-triage --task-type email_classification --outcome success --ticket T-1
  tally track --agent a --task-type ticket_routing --outcome success --queue billing --channel email
  tally track --file events.jsonl                     one event a line, protobuf JSON; - is stdin
A line of such a file:
{\"idempotencyKey\":\"1\",\"agentId\":\"a\",\"ticket\":{\"ticketId\":\"T-1\",\"queue\":\"billing\",\"channel\":\"email\"},\
\"taskCompleted\":{\"taskType\":\"ticket_routing\",\"outcome\":\"OUTCOME_SUCCESS\",\"durationMs\":\"900\",\
\"model\":\"gpt-4o-mini\",\"tokens\":{\"input\":\"812\",\"output\":\"95\"}}}
A file is checked before its first event is sent, stdin a batch at a time: unknown fields are \
refused. Running a file again is safe where events carry an idempotencyKey. \
The key is read from TALLY_API_KEY.")]
pub(crate) struct Track {
    /// Which agent did it.
    #[arg(long, required_unless_present = "file", conflicts_with = "file")]
    pub(crate) agent: Option<String>,
    /// Which step, as the catalog names it.
    #[arg(long, required_unless_present = "file", conflicts_with = "file")]
    pub(crate) task_type: Option<String>,
    /// What became of it.
    #[arg(long, required_unless_present = "file", conflicts_with = "file")]
    pub(crate) outcome: Option<OutcomeArg>,
    #[command(flatten)]
    pub(crate) ticket: OfTicket,
    /// What it cost, such as 0.012 or "USD 0.012"; without a currency, the workspace's.
    #[arg(long, value_parser = money, conflicts_with = "file", allow_negative_numbers = true)]
    pub(crate) cost: Option<wire::common::v1::Money>,
    /// How long the agent took, such as 1.5s or 2m.
    #[arg(long, value_parser = span, conflicts_with = "file", allow_hyphen_values = true)]
    pub(crate) duration: Option<Duration>,
    /// The model that was used, such as gpt-4o-mini.
    #[arg(long, conflicts_with = "file", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) model: Option<String>,
    /// When it happened, RFC 3339. Default: now.
    #[arg(long, conflicts_with = "file")]
    pub(crate) at: Option<Timestamp>,
    /// Idempotency key: the same event under the same key counts once.
    #[arg(long, conflicts_with = "file")]
    pub(crate) key: Option<String>,
    /// Anything else, as name=value; may be repeated.
    #[arg(long, value_parser = pair, conflicts_with = "file")]
    pub(crate) metadata: Vec<(String, String)>,
    /// Check and value only; write nothing.
    #[arg(long, conflicts_with = "file")]
    pub(crate) dry_run: bool,
    /// Events to track, one a line, as protobuf JSON; - reads stdin.
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
    /// Send the good lines of a file with bad ones. Without it nothing of such a file is sent.
    #[arg(long, requires = "file")]
    pub(crate) skip_bad: bool,
    /// Print receipts as JSON, one a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the ticket is like. Reports tell steps apart by it.
#[derive(Args)]
pub(crate) struct OfTicket {
    /// The ticket it belongs to.
    #[arg(long, conflicts_with = "file", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) ticket: Option<String>,
    /// The project or product of the ticket.
    #[arg(long, conflicts_with = "file", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) project: Option<String>,
    /// What the customer wants, such as refund.
    #[arg(long, conflicts_with = "file", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) intent: Option<String>,
    /// The queue the ticket is in.
    #[arg(long, conflicts_with = "file", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) queue: Option<String>,
    /// How it came: email, chat, phone, ….
    #[arg(long, conflicts_with = "file", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) channel: Option<String>,
    /// BCP 47 tag of its language, such as nl.
    #[arg(long, conflicts_with = "file", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) language: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyArg {
    Gross,
    Credited,
    Strict,
}

/// Which versions of baselines, rates and policy value the events.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ViewArg {
    /// Those of the day each event was recorded.
    Recorded,
    /// Those of today.
    Restated,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally workspace create acme --time-zone Europe/Amsterdam
  tally workspace create acme-us --currency USD --json
  tally workspace update --rate-limit 500 --quota-hard 1000000
  tally workspace update --workspace ws_… --name acme
Creating takes the service token: TALLY_SERVICE_TOKEN, or the one beside the embedded databases. So does \
updating with --workspace; without, it is the workspace of TALLY_API_KEY, which must have the admin scope.")]
pub(crate) struct Workspace {
    #[command(subcommand)]
    pub(crate) action: WorkspaceAction,
}

#[derive(Subcommand)]
pub(crate) enum WorkspaceAction {
    /// Create a workspace and print its first admin key, which is shown this once.
    Create {
        /// Its name.
        name: String,
        /// IANA zone of its reports, until `tally catalog set reporting` names another.
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// ISO 4217 currency of its costs.
        #[arg(long, default_value = "EUR")]
        currency: Currency,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change a workspace and print how it is now; without changes, only print.
    Update(UpdateWorkspace),
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally key create --scope track --name n8n           a key that may record and nothing else
  tally key list
  tally key rotate 0123456789abcdef --overlap 7d      a new key; the old one works for another week
  tally key revoke 0123456789abcdef                   the id, as the list shows it, or the whole key
  tally key create --workspace ws_… --scope admin     when no admin key is left
The key is read from TALLY_API_KEY; it must have the admin scope. With --workspace, the service token is \
used instead: TALLY_SERVICE_TOKEN, or the one beside the embedded databases.")]
pub(crate) struct Key {
    #[command(subcommand)]
    pub(crate) action: KeyAction,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeArg {
    Track,
    Report,
    Review,
    Admin,
    Backfill,
}

#[derive(Subcommand)]
pub(crate) enum KeyAction {
    /// Create a key of the workspace TALLY_API_KEY belongs to; it is shown this once.
    Create {
        /// What it may do; may be repeated.
        #[arg(long, required = true)]
        scope: Vec<ScopeArg>,
        /// What it is for.
        #[arg(long, default_value = "")]
        name: String,
        /// For this workspace, as its operator: with the service token instead of a key.
        #[arg(long, value_name = "WS_…")]
        workspace: Option<String>,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the keys, without their secrets.
    List {
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Replace a key by a new one, which is shown this once; the old one works on for a while.
    Rotate(RotateKey),
    /// Revoke a key: every service refuses it within 2 seconds. The last admin key stands.
    Revoke {
        /// Its id, the 16 characters behind tally_live_; or the whole key.
        #[arg(value_name = "KEY_ID", value_parser = key_id)]
        key_id: String,
    },
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  TALLY_DATABASE_URL=postgres://… tally migrate       every schema, before the new version starts
  tally migrate rollup                                one")]
pub(crate) struct Migrate {
    /// Which databases.
    #[arg(default_value = "all")]
    pub(crate) which: Which,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally config                                        what this environment changes
  tally config --all                                  every setting in effect
  tally config --markdown                             every variable with its default")]
pub(crate) struct Config {
    /// Print the settings that are as by default too.
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) all: bool,
    /// Print as a Markdown table of all variables with their defaults.
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// Of a whole key, only the id leaves this machine.
fn key_id(text: &str) -> Result<String, std::convert::Infallible> {
    let whole = text.trim().strip_prefix("tally_live_");
    Ok(whole.and_then(|rest| rest.split('_').next()).unwrap_or(text).to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Units of a span, from the longest on: nanoseconds of each.
const UNITS: [(&str, i128); 5] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];

/// As people write it, `1.5s`, and as packs do, `4m30s`: units in falling order, each once.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "write a duration such as 250ms, 1.5s, 2m or 4m30s".to_owned();
    if is_negative(text) {
        return Err("must not be negative".to_owned());
    }
    let (mut rest, mut units, mut nanos) = (text, &UNITS[..], 0);
    while !rest.is_empty() || text.is_empty() {
        let unit = rest.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
        let (number, behind) = rest.split_at(unit);
        let letters = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
        let known = units.iter().position(|(name, _)| *name == &behind[..letters]);
        let known = known.ok_or_else(wrong)?;
        let millionths = decimal::parse(number, 6).ok_or_else(wrong)?;
        nanos += i128::from(millionths) * units[known].1 / 1_000_000;
        (rest, units) = (&behind[letters..], &units[known + 1..]);
    }
    Ok(Duration::from_nanos(u64::try_from(nanos).map_err(|_| wrong())?))
}

/// The time a report looks back: written as any duration, and seldom one of seconds.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    match span(text) {
        Err(_) if !is_negative(text) => Err("write a length such as 24h, 7d or 90d".to_owned()),
        parsed => parsed,
    }
}

fn is_negative(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Decimal text to millionths without a float in between: 0.012 is 12,000 exactly.
pub(crate) fn money(text: &str) -> Result<wire::common::v1::Money, String> {
    let wrong =
        || "write an amount such as 0.012 or \"USD 0.012\", with at most six decimals".to_owned();
    let (currency, amount) = text.rsplit_once(' ').unwrap_or(("", text));
    if !currency.is_empty() {
        Currency::new(currency).map_err(|e| e.to_string())?;
    }
    if is_negative(amount) {
        return Err("an amount must not be negative".to_owned());
    }
    let micros = decimal::parse(amount, 6).ok_or_else(wrong)?;
    Ok(wire::common::v1::Money { currency_code: currency.to_owned(), micros })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_token_may_begin_with_a_hyphen() {
        let line = ["tally", "share", "open", "-S1x", "--json"];
        assert!(Cli::try_parse_from(line).is_ok());
    }

    #[test]
    fn an_amount_is_exact_or_refused() {
        assert_eq!(money("0.012").map(|m| m.micros), Ok(12_000));
        assert_eq!(
            money("USD 3").map(|m| (m.currency_code, m.micros)),
            Ok(("USD".into(), 3_000_000))
        );
        for bad in ["", ".5", "1.2345678", "-1", "1e3", "usd 1", "1,2"] {
            assert!(money(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn less_than_nothing_is_called_so_and_not_taken_for_a_flag() {
        let track = ["track", "--agent", "a", "--task-type", "t", "--outcome", "needs_review"];
        let lines = [
            [&track[..], &["--cost", "-1"]].concat(),
            [&track[..], &["--cost", "USD -0.5"]].concat(),
            [&track[..], &["--duration", "-1s"]].concat(),
            vec!["savings", "--last", "-7d"],
            vec!["key", "rotate", "0123456789abcdef", "--overlap", "-1h"],
        ];
        for line in lines {
            let refused = Cli::try_parse_from([&["tally"][..], &line].concat()).err();
            let told = refused.map(|error| error.to_string()).unwrap_or_default();
            assert!(told.contains("must not be negative"), "{line:?}: {told}");
        }
        // What only the service can judge goes to the service.
        let update = ["tally", "workspace", "update", "--quota-hard", "-1"];
        assert!(Cli::try_parse_from(update).is_ok());
    }

    #[test]
    fn how_far_back_to_look_is_asked_for_in_hours_and_days() {
        let told = length("3w").err().unwrap_or_default();
        assert!(told.contains("24h") && told.contains("7d"), "{told}");
    }

    #[test]
    fn a_key_is_named_by_its_id_or_by_itself() {
        for text in ["0123456789abcdef", "tally_live_0123456789abcdef_5ec4e7_0badcafe"] {
            assert_eq!(key_id(text), Ok("0123456789abcdef".to_owned()));
        }
    }

    #[test]
    fn a_duration_needs_its_unit() {
        for (text, ms) in
            [("1.5s", 1_500), ("250ms", 250), ("4m30s", 270_000), ("1h0.5m", 3_630_000)]
        {
            assert_eq!(span(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "15", "s", "-1s", "30s4m", "1m1m", "4m30", "99999999d"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }
}
