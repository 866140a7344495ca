//! The sources of the house, read once for every rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::code::{is_word, only_code};

/// One Rust file.
pub(crate) struct Source {
    /// From the root of the repository, `/` between its parts.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Whether all of it is for tests only.
    pub(crate) is_test: bool,
}

impl Source {
    /// What is compiled into the product: no comments, no literals, no `mod tests`.
    pub(crate) fn product(&self) -> String {
        let code = only_code(&self.text);
        let end = code.find("\nmod tests {").unwrap_or(code.len());
        code[..end].to_owned()
    }

    /// The crate's directory: `services/rollup`.
    pub(crate) fn home(&self) -> &str {
        let parts = if self.path.starts_with("tests/") { 1 } else { 2 };
        let end = self.path.match_indices('/').nth(parts - 1).map(|(at, _)| at);
        &self.path[..end.unwrap_or(self.path.len())]
    }

    /// The path inside `src/`, if it is there: `grpc/parse.rs`.
    pub(crate) fn in_src(&self) -> Option<&str> {
        self.path[self.home().len()..].strip_prefix("/src/")
    }

    pub(crate) fn is_in_service(&self) -> bool {
        self.path.starts_with("services/")
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    // Asked anew when the test runs: it may have been built elsewhere.
    #[expect(clippy::disallowed_methods, reason = "how cargo says where the tests are")]
    let home = std::env::var_os("CARGO_MANIFEST_DIR");
    let home = home.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&home).parent().unwrap().to_owned()
}

/// All Rust files of the workspace.
pub(crate) fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for top in ["libs", "services", "tests"] {
        for path in files(&root().join(top), "rs") {
            let text = fs::read_to_string(&path).unwrap();
            sources.push(Source { path: relative(&path), text, is_test: false });
        }
    }
    let for_tests = test_modules(&sources);
    for source in &mut sources {
        let beside = source.in_src().is_none() || source.home() == "tests";
        let within = |module: &String| {
            source.path == format!("{module}.rs") || source.path.starts_with(&format!("{module}/"))
        };
        source.is_test = beside || for_tests.iter().any(within);
    }
    assert!(sources.len() > 200, "the tree is read: {}", sources.len());
    sources
}

/// Files below `directory` that end in `.extension`, sorted.
pub(crate) fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
            if path.is_dir() && !hidden {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

pub(crate) fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

/// Modules declared behind `#[cfg(test)]` or a feature `testkit`, as paths without `.rs`.
fn test_modules(sources: &[Source]) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for source in sources {
        let (mut for_tests, mut file) = (false, None);
        for line in source.text.lines().map(str::trim) {
            if line.starts_with("#[cfg(") && line.contains("test") && !line.contains("not(") {
                for_tests = true;
            } else if let Some(path) = line.strip_prefix("#[path = \"") {
                file = path.split(".rs").next();
            } else if !line.starts_with("#[") {
                let beside = source.path.rsplit_once('/').unwrap().0;
                modules.extend(declared(line).filter(|_| for_tests).map(|name| match file {
                    Some(file) => format!("{beside}/{file}"),
                    None => format!("{}/{name}", children(&source.path)),
                }));
                (for_tests, file) = (false, None);
            }
        }
    }
    modules
}

/// `pub(crate) mod name;` declares `name`.
fn declared(line: &str) -> Option<&str> {
    let (visibility, rest) = line.split_once("mod ")?;
    let name = rest.strip_suffix(';')?;
    let plain = visibility.is_empty() || visibility.starts_with("pub");
    (plain && name.chars().all(is_word)).then_some(name)
}

/// Where the modules a file declares lie.
fn children(path: &str) -> &str {
    let (directory, file) = path.rsplit_once('/').unwrap();
    match file {
        "lib.rs" | "main.rs" | "mod.rs" => directory,
        _ => path.strip_suffix(".rs").unwrap(),
    }
}
