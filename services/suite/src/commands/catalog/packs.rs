//! `tally catalog diff`, `import` and `export`: packs as files.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use kernel::Timestamp;
use wire::catalog::v1 as pb;

use super::{Caller, instant, json};
use crate::failure::Failure;

#[derive(Args)]
pub(super) struct Diff {
    /// The pack; - is stdin.
    file: PathBuf,
    /// As if it held from here on, RFC 3339. Default: now.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Print the differences as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Import {
    /// The pack; - is stdin.
    file: PathBuf,
    /// Why, for whoever reads the history.
    #[arg(long)]
    reason: String,
    /// What the pack does not date holds from here on, RFC 3339. Default: now.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Makes the import repeatable: the same id takes the same pack over once.
    #[arg(long, default_value = "", hide_default_value = true)]
    request_id: String,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Export {
    /// What held at this instant, RFC 3339. Default: now.
    #[arg(long)]
    at: Option<Timestamp>,
    /// Also the built-ins that nothing overrides.
    #[arg(long)]
    built_ins: bool,
}

pub(super) async fn diff(catalog: &mut Caller, args: Diff) -> Result<(), Failure> {
    let request = pb::ImportPackRequest {
        document_yaml: read(&args.file)?,
        validate_only: true,
        effective_time: instant(args.from),
        reason: "A preview".to_owned(),
        request_id: String::new(),
    };
    let answer = catalog.import_pack(request).await;
    let answer = answer.map_err(Failure::call("the pack is not taken"))?.into_inner();
    if args.json {
        return json(&answer);
    }
    tell(&answer.differences);
    Ok(())
}

pub(super) async fn import(catalog: &mut Caller, args: Import) -> Result<(), Failure> {
    let request = pb::ImportPackRequest {
        document_yaml: read(&args.file)?,
        validate_only: false,
        effective_time: instant(args.from),
        reason: args.reason,
        request_id: args.request_id,
    };
    let answer = catalog.import_pack(request).await;
    let answer = answer.map_err(Failure::call("the pack was not taken over"))?.into_inner();
    if args.json {
        return json(&answer);
    }
    tell(&answer.differences);
    match answer.catalog_version.as_str() {
        "" => println!("nothing was written: the catalog says all of it already"),
        version => println!("taken over: catalog version {version}"),
    }
    Ok(())
}

pub(super) async fn export(catalog: &mut Caller, args: Export) -> Result<(), Failure> {
    let request =
        pb::ExportPackRequest { at_time: instant(args.at), include_built_ins: args.built_ins };
    let answer = catalog.export_pack(request).await;
    let answer = answer.map_err(Failure::call("the catalog was not exported"))?.into_inner();
    print!("{}", answer.document_yaml);
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    let wrong = |error| Failure::Other(format!("{} cannot be read: {error}", file.display()));
    read.map_err(wrong)?;
    Ok(text)
}

fn tell(differences: &[pb::PackDifference]) {
    for difference in differences {
        print!("{}", shown(difference));
    }
    let count = |action| differences.iter().filter(|d| d.action() == action).count();
    let (add, change, keep) =
        (count(pb::PackAction::Add), count(pb::PackAction::Change), count(pb::PackAction::Keep));
    println!("{add} new, {change} changed, {keep} the same");
}

/// As patches are read: what goes away behind -, what comes behind +. What stays is not shown.
fn shown(difference: &pb::PackDifference) -> String {
    if difference.action() == pb::PackAction::Keep {
        return String::new();
    }
    let mut text = format!("{} (line {})\n", difference.key, difference.line);
    let (old, new) = (&difference.current_yaml, &difference.imported_yaml);
    let lines = |sign: char, of: &str, other: &str| {
        let only = of.lines().filter(|line| !other.lines().any(|known| known == *line));
        only.map(|line| format!("  {sign} {line}\n")).collect::<String>()
    };
    text.push_str(&lines('-', old, new));
    text.push_str(&lines('+', new, old));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_goes_and_what_comes() {
        let difference = pb::PackDifference {
            line: 7,
            key: "baseline/ticket_routing".into(),
            action: pb::PackAction::Change.into(),
            current_yaml: "task_type: ticket_routing\neffort: 2m\n".into(),
            imported_yaml: "task_type: ticket_routing\neffort: 3m\n".into(),
        };
        assert_eq!(
            shown(&difference),
            "baseline/ticket_routing (line 7)\n  - effort: 2m\n  + effort: 3m\n"
        );
        let kept = pb::PackDifference { action: pb::PackAction::Keep.into(), ..difference };
        assert_eq!(shown(&kept), "");
    }
}
