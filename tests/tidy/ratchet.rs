//! Exceptions, each with its reason. A rule that holds everywhere again loses its exception.

/// One a line: `rule path: reason`. A path that ends in `/` stands for all below it.
const RATCHET: &str = include_str!("ratchet.txt");

/// Every rule that may have exceptions.
const RULES: [&str; 9] =
    ["clock", "domain", "header", "length", "line", "name", "sea_orm", "store", "transport"];

/// Something that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) path: String,
    pub(crate) what: String,
}

struct Exception {
    rule: &'static str,
    path: &'static str,
}

/// Fails unless the breaches of `rule` are exactly those excepted.
///
/// # Panics
/// With every breach that has no reason, and every reason that has no breach.
pub(crate) fn holds(rule: &str, advice: &str, breaches: &[Breach]) {
    let exceptions: Vec<Exception> = exceptions().filter(|e| e.rule == rule).collect();
    let excepted = |breach: &Breach| exceptions.iter().any(|e| e.covers(&breach.path));
    let new: Vec<String> = breaches
        .iter()
        .filter(|breach| !excepted(breach))
        .map(|breach| format!("  {}: {}", breach.path, breach.what))
        .collect();
    let idle: Vec<String> = exceptions
        .iter()
        .filter(|exception| !breaches.iter().any(|breach| exception.covers(&breach.path)))
        .map(|exception| format!("  {} {}", exception.rule, exception.path))
        .collect();
    assert!(new.is_empty(), "{advice}\n{}", new.join("\n"));
    assert!(idle.is_empty(), "no longer needed in tests/tidy/ratchet.txt:\n{}", idle.join("\n"));
}

impl Exception {
    fn covers(&self, path: &str) -> bool {
        path == self.path || self.path.ends_with('/') && path.starts_with(self.path)
    }
}

fn exceptions() -> impl Iterator<Item = Exception> {
    let lines = RATCHET.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let (rule, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line}: no path"));
        let (path, reason) = rest.split_once(": ").unwrap_or_else(|| panic!("{line}: no reason"));
        assert!(RULES.contains(&rule), "{line}: no such rule");
        assert!(reason.len() > 10, "{line}: that is no reason");
        Exception { rule, path }
    })
}

#[test]
fn exceptions_are_sorted_and_of_rules_there_are() {
    let all: Vec<(&str, &str)> = exceptions().map(|e| (e.rule, e.path)).collect();
    assert!(all.is_sorted(), "sort the lines of tests/tidy/ratchet.txt");
}
