//! What every member of the workspace opts into.

use std::fs;

use crate::arrows::workspace;
use crate::tree::root;

#[test]
fn every_member_opts_into_the_lints_of_the_workspace() {
    for package in workspace() {
        let manifest = manifest(&package.home);
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} has lints of its own",
            package.name
        );
    }
}

#[test]
fn every_member_takes_its_version_edition_and_licence_from_the_workspace() {
    for package in workspace() {
        let manifest = manifest(&package.home);
        for field in ["version", "edition", "rust-version", "license", "publish"] {
            let inherited = format!("\n{field}.workspace = true");
            assert!(manifest.contains(&inherited), "{} sets {field} itself", package.name);
        }
    }
}

#[test]
fn dependencies_are_versioned_once() {
    for package in workspace() {
        for line in manifest(&package.home).lines() {
            let versioned = line.contains("version = \"") || line.contains(" = \"");
            // Names, paths and descriptions are no versions; a crate's own tests name it by path.
            let named = ["name", "path", "description"].iter().any(|key| line.starts_with(key))
                || line.contains("{ path = \".\"");
            assert!(
                !versioned || named,
                "{}: {line}: the version belongs in Cargo.toml",
                package.name
            );
        }
    }
}

#[test]
fn every_service_says_what_it_is() {
    for package in workspace().iter().filter(|package| package.home.starts_with("services/")) {
        let readme = root().join(&package.home).join("README.md");
        assert!(readme.is_file(), "{} has no README.md", package.home);
    }
}

fn manifest(home: &str) -> String {
    fs::read_to_string(root().join(home).join("Cargo.toml")).unwrap()
}
