//! The settings in effect, for people: by service, what differs from the default first.

use std::collections::BTreeMap;

use chassis::config::{Book, Variable, prefix_of};

const EVERY: &str = "Every service";
const TELEMETRY: &str = "Telemetry";
const SERVICES: [&str; 6] = [
    "suite",
    ingest::NAME,
    baseline_catalog::NAME,
    rollup::NAME,
    audit_sampling::NAME,
    webhook_dispatch::NAME,
];

/// What is set, by group; with `all`, every variable there is. Lines that name a value can be given to
/// a shell, the others are comments.
pub(crate) fn sheet(book: &Book, all: bool) -> String {
    let mut groups: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    let mut put = |group, name: &str, line| {
        groups.entry(group).or_default().entry(name.to_owned()).or_insert(line);
    };
    for variable in book.variables() {
        let shared = variable.fallback.as_ref().filter(|_| variable.set_by == variable.fallback);
        match shared {
            // Said once, not once a service.
            Some(shared) => put(EVERY, shared, set(shared, variable)),
            None if variable.set_by.is_some() && variable.effective != variable.default => {
                put(group_of(&variable.name), &variable.name, set(&variable.name, variable));
            }
            None => {}
        }
        if all && (shared.is_some() || variable.effective == variable.default) {
            put(group_of(&variable.name), &variable.name, standing(variable));
        }
    }
    for (name, consequence) in unset(book) {
        put(EVERY, name, format!("# {name} unset: {consequence}\n"));
    }
    if all {
        for variable in book.variables() {
            let Some(shared) = &variable.fallback else { continue };
            // What is said already stays; a default that each service has its own of says nothing.
            let same = |other: &&Variable| other.fallback.as_ref() == Some(shared);
            if book.variables().filter(same).all(|other| other.default == variable.default) {
                put(EVERY, shared, by_default(shared, &variable.default, variable.help));
            }
        }
    }
    let mut text = String::new();
    for group in [EVERY].into_iter().chain(SERVICES).chain([TELEMETRY]) {
        let Some(lines) = groups.get(group) else { continue };
        text.push_str(&format!("# {group}\n"));
        lines.values().for_each(|line| text.push_str(line));
        text.push('\n');
    }
    if !all {
        text.push_str("# Everything else is as it is by default: `tally config --all`\n");
    }
    text
}

fn group_of(name: &str) -> &'static str {
    let own = |service: &&str| name.starts_with(&format!("TALLY_{}_", prefix_of(service)));
    match SERVICES.iter().find(|service| own(service)) {
        Some(service) => service,
        None if name.starts_with("OTEL_") => TELEMETRY,
        None => EVERY,
    }
}

fn set(name: &str, variable: &Variable) -> String {
    format!("{name}={}  # {}\n", variable.effective, variable.help)
}

/// A variable that changes nothing.
fn standing(variable: &Variable) -> String {
    let Variable { name, effective, help, .. } = variable;
    match (&variable.set_by, effective.as_str()) {
        (None, _) => by_default(name, effective, help),
        (Some(by), _) if by != name => format!("{name}={effective}  # {help} (from {by})\n"),
        (Some(_), _) => format!("{name}={effective}  # {help} (as by default)\n"),
    }
}

fn by_default(name: &str, default: &str, help: &str) -> String {
    match default {
        "" => format!("# {name} unset: {help}\n"),
        default => format!("{name}={default}  # {help} (default)\n"),
    }
}

/// What decides between one machine and many is always said.
fn unset(book: &Book) -> [(&'static str, String); 2] {
    let directory = book.find("TALLY_DATA_DIR").map_or("", |variable| &variable.effective);
    [
        (
            "TALLY_DATABASE_URL",
            format!("a service without an address of its own keeps a SQLite file in {directory}"),
        ),
        (
            "TALLY_REDIS_URL",
            "a service without an address of its own caches in the memory of its process"
                .to_owned(),
        ),
    ]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn sheet_of(vars: &[(&str, &str)], all: bool) -> String {
        let vars: BTreeMap<&str, &str> = vars.iter().copied().collect();
        sheet(&Settings::read(&vars, "tally").unwrap().1, all)
    }

    #[test]
    fn an_empty_environment_fits_on_a_few_lines_and_says_what_that_means() {
        let text = sheet_of(&[], false);
        let expected = "\
# Every service
# TALLY_DATABASE_URL unset: a service without an address of its own keeps a SQLite file in ./tally-data
# TALLY_REDIS_URL unset: a service without an address of its own caches in the memory of its process

# Everything else is as it is by default: `tally config --all`
";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_set_stands_under_its_service_and_shared_values_once() {
        let text = sheet_of(
            &[
                ("TALLY_DATABASE_URL", "postgres://tally:s3cr3t@db/tally"),
                ("TALLY_INGEST_LISTEN", "0.0.0.0:7701"),
                ("TALLY_ROLLUP_LISTEN", "127.0.0.1:7703"),
                ("TALLY_SERVICE_TOKEN", "s3cr3t"),
                ("OTEL_SERVICE_NAME", "mine"),
            ],
            false,
        );
        let lines: Vec<&str> = text.lines().collect();
        let starts = |wanted: &str| lines.iter().filter(|l| l.starts_with(wanted)).count();
        assert_eq!(starts("TALLY_DATABASE_URL=postgres://tally:***@db/tally  # "), 1, "{text}");
        assert_eq!(lines.iter().filter(|l| l.contains("DATABASE_URL")).count(), 1, "{text}");
        let ingest = lines.iter().position(|line| *line == "# ingest").unwrap();
        assert!(lines[ingest + 1].starts_with("TALLY_INGEST_LISTEN=0.0.0.0:7701"), "{text}");
        assert!(!text.contains("ROLLUP_LISTEN"), "it is as by default: {text}");
        assert_eq!(starts("OTEL_SERVICE_NAME=mine"), 1, "{text}");
        assert!(!text.contains("s3cr3t"), "{text}");
    }

    #[test]
    fn all_shows_every_variable_under_a_heading() {
        let text = sheet_of(&[], true);
        for heading in [EVERY, TELEMETRY].iter().chain(&SERVICES) {
            assert!(text.contains(&format!("# {heading}\n")), "{heading} in {text}");
        }
        let (_, book) = Settings::read(&BTreeMap::<&str, &str>::new(), "tally").unwrap();
        for variable in book.variables() {
            let known = text.lines().any(|line| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{}=", variable.name))
                    || line.starts_with(&format!("{} unset", variable.name))
            });
            assert!(known, "{} in {text}", variable.name);
        }
    }

    #[test]
    fn all_shows_what_the_services_share_too() {
        let text = sheet_of(&[("TALLY_CATALOG_URL", "http://catalog:1")], true);
        let lines = |wanted: &str| text.lines().filter(|line| line.starts_with(wanted)).count();
        assert_eq!(lines("TALLY_ROLLUP_URL=http://127.0.0.1:7703  # "), 1, "{text}");
        assert_eq!(lines("TALLY_CATALOG_URL=http://catalog:1  # "), 1, "{text}");
        assert_eq!(lines("TALLY_CATALOG_URL="), 1, "{text}");
        assert_eq!(lines("# TALLY_DATABASE_URL unset"), 1, "{text}");
        assert_eq!(lines("TALLY_DATABASE_URL="), 0, "each service has its own: {text}");
    }
}
