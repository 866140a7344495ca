//! The record of what was read: errors for the operator, a table for `tally config` and the READMEs.

use std::collections::BTreeMap;
use std::fmt;

use super::Vars;

const PREFIX: &str = "TALLY_";

/// How close a name must be to be suggested: 1.0 is the same name.
const SIMILAR_ENOUGH: f64 = 0.8;

/// One variable that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// `TALLY_INGEST_LISTEN`.
    pub name: String,
    /// The more general variable looked at when `name` is unset, such as `TALLY_DATABASE_URL`.
    pub fallback: Option<String>,
    /// What it does, in one sentence.
    pub help: &'static str,
    /// As written in the code; empty when there is none.
    pub default: String,
    /// What is in effect: redacted, and hidden when secret. Empty when nothing is.
    pub effective: String,
    /// Which variable set it; `None` when the default holds.
    pub set_by: Option<String>,
    /// Whether its value is shown nowhere.
    pub secret: bool,
}

/// Every variable that was read, and every error that came up.
#[derive(Debug, Default)]
pub struct Book {
    variables: BTreeMap<String, Variable>,
    errors: Vec<String>,
}

impl Book {
    pub(super) fn record(&mut self, variable: Variable) {
        // Several services read the shared variables; the first reading stands for all.
        self.variables.entry(variable.name.clone()).or_insert(variable);
    }

    pub(super) fn error(&mut self, message: String) {
        if !self.errors.contains(&message) {
            self.errors.push(message);
        }
    }

    /// In the order of their names.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.variables.values()
    }

    /// The variable of this name, if it was read.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Variable> {
        self.variables.get(name)
    }

    /// The Markdown table of a README, for the variables whose name `belongs`.
    #[must_use]
    pub fn markdown(&self, belongs: impl Fn(&str) -> bool) -> String {
        let mut text = String::from("| Variable | Default | What it does |\n|---|---|---|\n");
        for variable in self.variables.values().filter(|variable| belongs(&variable.name)) {
            let default = match variable.default.as_str() {
                "" => String::new(),
                default => format!("`{default}`"),
            };
            let also = match &variable.fallback {
                Some(fallback) => format!(" Falls back to `{fallback}`."),
                None => String::new(),
            };
            text.push_str(&format!(
                "| `{}` | {default} | {}{also} |\n",
                variable.name, variable.help
            ));
        }
        text
    }

    /// Names of ours that nobody reads are typos, and everything that failed to parse is said at once.
    pub(super) fn check(&self, vars: &dyn Vars) -> Result<(), ConfigErrors> {
        let mut errors = self.errors.clone();
        let mut unknown: Vec<String> = vars
            .names()
            .into_iter()
            .filter(|name| name.starts_with(PREFIX) && !self.knows(name))
            .collect();
        unknown.sort();
        errors.extend(unknown.into_iter().map(|name| match self.nearest(&name) {
            Some(nearest) => format!("{name}: is not a variable we know; did you mean {nearest}?"),
            None => format!("{name}: is not a variable we know; `tally config` lists them"),
        }));
        if errors.is_empty() { Ok(()) } else { Err(ConfigErrors(errors)) }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.variables
            .values()
            .flat_map(|variable| [Some(variable.name.as_str()), variable.fallback.as_deref()])
            .flatten()
    }

    fn knows(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    fn nearest(&self, name: &str) -> Option<&str> {
        self.names()
            .map(|known| (known, strsim::jaro_winkler(known, name)))
            // Plain similarity of long names with one prefix is always high: the tail must be close too.
            .filter(|(known, _)| {
                strsim::normalized_damerau_levenshtein(known, name) >= SIMILAR_ENOUGH
            })
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
            .map(|(known, _)| known)
    }
}

/// Everything that is wrong with the configuration, one line each.
#[derive(Debug, thiserror::Error)]
pub struct ConfigErrors(pub Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}
