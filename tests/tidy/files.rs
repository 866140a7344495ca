//! How files look from the outside: a first line that says what for, a size one can read.

use crate::code::{Kind, kinds};
use crate::ratchet::{Breach, holds};
use crate::tree::{Source, sources};

const LINES_MAX: usize = 500;
const TEST_LINES_MAX: usize = 800;
/// Columns without what stands in literals, which are as long as they must be.
const COLUMNS_MAX: usize = 110;

#[test]
fn every_file_opens_with_what_it_is_for() {
    let breaches = breaches(|source| {
        let header = source.text.lines().next().unwrap_or_default();
        (!header.starts_with("//! ")).then(|| format!("opens with {header:?}"))
    });
    holds("header", "the first line is `//! ` and one sentence", &breaches);
}

#[test]
fn no_file_is_longer_than_one_can_read() {
    let breaches = breaches(|source| {
        let (lines, max) = (source.text.lines().count(), max(source));
        (lines > max).then(|| format!("{lines} lines, at most {max}"))
    });
    holds("length", "split the file by what its parts are for", &breaches);
}

#[test]
fn no_line_is_wider_than_one_can_see() {
    let breaches = breaches(|source| {
        let text: Vec<char> = source.text.chars().collect();
        let kinds = kinds(&text);
        let (mut line, mut columns) = (1, 0);
        for (c, kind) in text.iter().zip(kinds) {
            match (c, kind) {
                ('\n', _) => (line, columns) = (line + 1, 0),
                (_, Kind::Literal) => {}
                _ => columns += 1,
            }
            if columns > COLUMNS_MAX {
                return Some(format!("line {line}"));
            }
        }
        None
    });
    holds("line", "a line has at most 110 columns", &breaches);
}

#[test]
fn no_file_is_a_drawer_for_leftovers() {
    let breaches = breaches(|source| {
        let mut parts = source.path.split(['/', '.']);
        let drawer =
            parts.find(|part| ["util", "utils", "common", "helpers", "misc"].contains(part));
        drawer.map(|name| format!("is called {name}"))
    });
    holds("name", "a file is called after what it is for", &breaches);
}

fn max(source: &Source) -> usize {
    if source.is_test { TEST_LINES_MAX } else { LINES_MAX }
}

fn breaches(look: impl Fn(&Source) -> Option<String>) -> Vec<Breach> {
    let sources = sources();
    let found = sources
        .iter()
        .filter_map(|source| look(source).map(|what| Breach { path: source.path.clone(), what }));
    found.collect()
}
