//! Migrations are append-only: what has landed somewhere is never edited, only added to.

use std::collections::BTreeMap;
use std::fs;

use sha2::{Digest as _, Sha256};

use crate::code::{is_word, without_comments};
use crate::tree::{files, relative, root};

/// `path fingerprint`, sorted. Lines are added, never changed and never removed.
const GOLDEN: &str = include_str!("../golden/migrations.txt");

#[test]
fn no_migration_that_has_landed_is_edited_or_removed() {
    let lines = GOLDEN.lines().filter(|line| !line.starts_with('#'));
    let landed: BTreeMap<&str, &str> = lines.map(|line| line.split_once(' ').unwrap()).collect();
    let found = found();
    for (path, fingerprint) in &landed {
        let now = found.get(*path).map(String::as_str);
        assert_eq!(now, Some(*fingerprint), "{path} has landed: add another migration instead");
    }
    let new: Vec<String> = found
        .iter()
        .filter(|(path, _)| !landed.contains_key(path.as_str()))
        .map(|(path, fingerprint)| format!("{path} {fingerprint}"))
        .collect();
    assert!(new.is_empty(), "add to tests/golden/migrations.txt:\n{}", new.join("\n"));
}

#[test]
fn migrations_are_numbered_without_gaps_and_run_in_that_order() {
    let mut by_service: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in found().into_keys().filter(|path| path.starts_with("services/")) {
        let (directory, file) = path.rsplit_once('/').unwrap();
        let name = file.strip_suffix(".rs").unwrap();
        by_service.entry(directory.to_owned()).or_default().push(name.to_owned());
    }
    for (directory, names) in by_service {
        for (place, name) in names.iter().enumerate() {
            assert!(name.starts_with(&format!("m{:04}_", place + 1)), "{directory}: {name}");
        }
        let listing = fs::read_to_string(root().join(&directory).join("mod.rs")).unwrap();
        let run: Vec<&str> = listing
            .match_indices("::")
            .filter_map(|(at, _)| listing[..at].rsplit(|c| !is_word(c)).next())
            .filter(|name| name.starts_with("m0"))
            .collect();
        assert_eq!(run, names, "{directory}/mod.rs");
    }
}

/// Every migration with its fingerprint.
fn found() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let tops = ["services", "libs/tail/src"];
    for path in tops.iter().flat_map(|top| files(&root().join(top), "rs")) {
        let name = relative(&path);
        let in_service = name.contains("/store/migration/m0");
        if in_service || name == "libs/tail/src/migration.rs" {
            found.insert(name, fingerprint(&fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(!found.is_empty());
    found
}

/// Of its words in whatever order: reformatting and comments change nothing that counts.
fn fingerprint(text: &str) -> String {
    let text = without_comments(text);
    let mut words: Vec<&str> =
        text.split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    let digest = Sha256::digest(words.join(" "));
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
