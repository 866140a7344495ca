//! `tally catalog history` and `resolve`: which minutes held when, and by whose word.

use clap::Args;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use kernel::Timestamp;
use wire::catalog::v1 as pb;
use wire::catalog::v1::resolved_baseline::Result as Found;

use super::{Caller, Of, instant, json, show};
use crate::failure::Failure;
use crate::print;

#[derive(Args)]
pub(super) struct History {
    #[command(flatten)]
    of: Of,
    /// Also the versions of single languages and channels.
    #[arg(long)]
    all: bool,
    /// Print as JSON, one version a line.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Resolve {
    /// Keys or aliases.
    #[arg(required = true)]
    task_types: Vec<String>,
    /// In this language, such as nl. Default: none is said.
    #[arg(long, default_value = "", hide_default_value = true)]
    language: String,
    /// Through this channel, such as email. Default: none is said.
    #[arg(long, default_value = "", hide_default_value = true)]
    channel: String,
    /// What held at this instant, RFC 3339. Default: now.
    #[arg(long)]
    at: Option<Timestamp>,
    /// By what had been recorded by this instant, RFC 3339. Default: everything.
    #[arg(long)]
    as_of: Option<Timestamp>,
    /// Print as JSON, one result a line.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(catalog: &mut Caller, args: History) -> Result<(), Failure> {
    let mut request = pb::GetBaselineHistoryRequest {
        key: Some(args.of.into()),
        include_dimensions: args.all,
        ..Default::default()
    };
    let mut table = print::table(UTF8_HORIZONTAL_ONLY);
    table.set_header(["Task type", "Effort", "From", "Version", "Since", "By", "Why"]);
    loop {
        let page = catalog.get_baseline_history(request.clone()).await;
        let page = page.map_err(Failure::call("the history was not given"))?.into_inner();
        for baseline in &page.baselines {
            if args.json {
                json(baseline)?;
                continue;
            }
            let [version, since, by, why] = show::version(baseline.version.as_ref());
            let withdrawn = baseline.withdrawn.then(|| "withdrawn".to_owned());
            let effort = withdrawn.unwrap_or_else(|| show::effort(baseline.baseline_ms));
            let of = name(baseline.key.as_ref());
            table.add_row([of, effort, show::source(baseline), version, since, by, why]);
        }
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    if !args.json {
        println!("{table}");
    }
    Ok(())
}

pub(super) async fn resolve(catalog: &mut Caller, args: Resolve) -> Result<(), Failure> {
    let Resolve { task_types, language, channel, at, as_of, json: as_json } = args;
    let key = |task_type| {
        let (language, channel) = (language.clone(), channel.clone());
        pb::BaselineKey { task_type, language, channel }
    };
    let request = pb::ResolveBaselinesRequest {
        keys: task_types.into_iter().map(key).collect(),
        at_time: instant(at),
        as_of_time: instant(as_of),
    };
    let answer = catalog.resolve_baselines(request).await;
    let answer = answer.map_err(Failure::call("nothing was resolved"))?.into_inner();
    if as_json {
        return answer.results.iter().try_for_each(json);
    }
    let mut table = print::table(UTF8_HORIZONTAL_ONLY);
    table.set_header(["Asked", "Effort", "From", "Matched", "Version", "Since", "Why"]);
    for resolved in &answer.results {
        let asked = name(resolved.key.as_ref());
        table.add_row(match &resolved.result {
            Some(Found::Baseline(found)) => {
                let [version, since, _, why] = show::version(found.version.as_ref());
                let (effort, from) = (show::effort(found.baseline_ms), show::source(found));
                [asked, effort, from, name(found.key.as_ref()), version, since, why]
            }
            Some(Found::Missing(missing)) => {
                let why = "events must bring their own baseline_ms".to_owned();
                let none = String::new;
                [
                    asked,
                    "-".to_owned(),
                    "none".to_owned(),
                    missing.task_type.clone(),
                    none(),
                    none(),
                    why,
                ]
            }
            Some(Found::Unknown(unknown)) => {
                let near = unknown.nearest_task_types.first();
                let why = near.map_or_else(String::new, |near| format!("did you mean {near}?"));
                let none = String::new;
                [asked, "-".to_owned(), "unknown".to_owned(), none(), none(), none(), why]
            }
            None => Default::default(),
        });
    }
    println!("{table}");
    Ok(())
}

/// `email_classification, nl, email`.
fn name(key: Option<&pb::BaselineKey>) -> String {
    let Some(key) = key else { return String::new() };
    let parts = [&key.task_type, &key.language, &key.channel];
    let said: Vec<&str> = parts.into_iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
    said.join(", ")
}
