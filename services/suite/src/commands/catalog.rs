//! `tally catalog`: what a step, an hour, a token and a currency are worth, since when, who says so.

mod history;
mod list;
mod packs;
mod set;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use kernel::Timestamp;
use serde::Serialize;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::catalog::v1::{BaselineKey, DisplacedVersion};

use crate::client::{Channel, Client, Peer};
use crate::failure::Failure;
use crate::print;

#[derive(Args)]
#[command(after_help = "\
Examples:
  tally catalog list                                  task types and the minutes that hold now
  tally catalog list rates
  tally catalog set baseline email_classification 5m --from 2026-07-01T00:00:00Z --reason \"Measured in May\"
  tally catalog set rate EUR 85 --reason \"Payroll 2026\" --dry-run
  tally catalog set intent refund --risk high --tier large --reason \"Reviewed\"
  tally catalog set price gpt-4o-mini --tier small --currency USD --token input=0.15 --reason \"Price list\"
  tally catalog history email_classification
  tally catalog resolve email_classification_nl ticket_routing --at 2026-06-30T12:00:00Z
  tally catalog diff deploy/packs/support-starter.yaml
  tally catalog import deploy/packs/support-starter.yaml --reason \"Reviewed by the support lead\"
  tally catalog export > catalog.yaml
The key is read from TALLY_API_KEY; reading needs the report scope, changing the admin scope.")]
pub(crate) struct Catalog {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List what holds.
    List(list::List),
    /// Set, or withdraw, one value from some instant on.
    #[command(subcommand)]
    Set(set::Set),
    /// Every version of a baseline, the newest first: since when, by whom, why.
    History(history::History),
    /// What held for task types at an instant, and where each value comes from.
    Resolve(history::Resolve),
    /// What a pack would change. Writes nothing.
    Diff(packs::Diff),
    /// Take over a pack, wholly or not at all.
    Import(packs::Import),
    /// Print the catalog as a pack.
    Export(packs::Export),
}

type Caller = CatalogServiceClient<Channel>;

pub(crate) async fn run(args: Catalog) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut catalog = CatalogServiceClient::new(client.to(Peer::Catalog));
    match args.action {
        Action::List(args) => list::run(&mut catalog, args).await?,
        Action::Set(args) => set::run(&mut catalog, args).await?,
        Action::History(args) => history::run(&mut catalog, args).await?,
        Action::Resolve(args) => history::resolve(&mut catalog, args).await?,
        Action::Diff(args) => packs::diff(&mut catalog, args).await?,
        Action::Import(args) => packs::import(&mut catalog, args).await?,
        Action::Export(args) => packs::export(&mut catalog, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A task type in a language and a channel.
#[derive(Args)]
struct Of {
    /// Key or alias, such as email_classification.
    task_type: String,
    /// Only in this language, such as nl. Default: any.
    #[arg(long, default_value = "", hide_default_value = true)]
    language: String,
    /// Only through this channel, such as email. Default: any.
    #[arg(long, default_value = "", hide_default_value = true)]
    channel: String,
}

impl From<Of> for BaselineKey {
    fn from(of: Of) -> Self {
        Self { task_type: of.task_type, language: of.language, channel: of.channel }
    }
}

fn instant(at: Option<Timestamp>) -> Option<wire::Timestamp> {
    at.map(|at| at.parts().into())
}

fn json(message: &impl Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(message)?);
    Ok(())
}

/// What a write did to what was there: nothing is displaced unseen.
fn tell(catalog_version: &str, displaced: &[DisplacedVersion]) {
    match catalog_version {
        "" => println!("would be set; nothing was written"),
        version => println!("set: catalog version {version}"),
    }
    for displaced in displaced {
        let edge = |at: &Option<wire::Timestamp>| at.as_ref().map(print::moment);
        let from = edge(&displaced.start_time).unwrap_or_default();
        let to = edge(&displaced.end_time).map_or_else(String::new, |to| format!(" until {to}"));
        println!("  in place of version {} from {from}{to}", displaced.version_id);
    }
}
