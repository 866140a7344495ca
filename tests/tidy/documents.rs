//! Documents that name files: the files must be there.

use std::fs;

use crate::tree::{relative, root, sources};

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const ARCHITECTURE_LINES_MAX: usize = 150;

#[test]
fn every_path_the_architecture_names_exists() {
    let text = fs::read_to_string(root().join(ARCHITECTURE)).unwrap();
    assert!(text.lines().count() <= ARCHITECTURE_LINES_MAX, "a map is short");
    let sources = sources();
    let named = named(&text);
    assert!(named.len() > 10, "{named:?}");
    for path in named {
        let inside = |found: &str| {
            found.ends_with(&format!("/{path}")) || found.contains(&format!("/src/{path}"))
        };
        let there = root().join(path).exists() || sources.iter().any(|s| inside(&s.path));
        assert!(there, "{ARCHITECTURE} names {path}, which is not there");
    }
}

#[test]
fn every_golden_file_says_what_it_holds() {
    for path in crate::tree::files(&root().join("tests/golden"), "txt") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# "), "{} opens with no sentence", relative(&path));
    }
}

/// What stands in backquotes and looks like a path of this repository: a directory ends in `/`, or
/// begins with one there is; a file ends as files do.
fn named(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let tops = ["proto/", "libs/", "services/", "tests/", "deploy/", ".ci/"];
    let ends = [".rs", ".toml", ".md", ".proto", ".sh", "/"];
    quoted
        .filter(|word| !word.contains([' ', '<', '{', '*', ':', '\n']))
        .filter(|word| {
            tops.iter().any(|top| word.starts_with(top))
                || ends.iter().any(|end| word.ends_with(end))
        })
        .collect()
}
