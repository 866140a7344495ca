//! Which crate may depend on which, by the manifests.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::tree::{relative, root};

/// A package of this workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its directory: `libs/db`.
    pub(crate) home: String,
    pub(crate) dependencies: Vec<Dependency>,
    /// What each feature turns on.
    features: BTreeMap<String, Vec<String>>,
}

pub(crate) struct Dependency {
    pub(crate) name: String,
    kind: DependencyKind,
    optional: bool,
    /// It is of this workspace.
    ours: bool,
}

/// Every arrow between libraries. Another one is a decision: it goes here with the next reader in
/// mind.
const BETWEEN_LIBS: [(&str, &[&str]); 8] = [
    ("wire", &[]),
    ("kernel", &[]),
    ("fault", &["wire"]),
    ("db", &["kernel"]),
    ("hot", &["kernel"]),
    ("chassis", &["fault", "kernel", "wire"]),
    ("tail", &["chassis", "db", "fault", "kernel", "wire"]),
    ("testkit", &["chassis", "db", "fault", "kernel", "wire"]),
];

/// All packages of the workspace.
pub(crate) fn workspace() -> Vec<Package> {
    let manifest = root().join("Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap();
    let packages = metadata.packages.into_iter().map(|package| {
        let dependencies = package.dependencies.iter().map(|dependency| Dependency {
            name: dependency.name.clone(),
            kind: dependency.kind,
            optional: dependency.optional,
            ours: dependency.path.is_some(),
        });
        Package {
            name: package.name.to_string(),
            home: relative(package.manifest_path.parent().unwrap().as_std_path()),
            dependencies: dependencies.collect(),
            features: package.features.into_iter().collect(),
        }
    });
    packages.collect()
}

impl Package {
    fn is_service(&self) -> bool {
        self.home.starts_with("services/")
    }

    fn is_lib(&self) -> bool {
        self.home.starts_with("libs/")
    }

    /// Packages of ours it depends on, for tests too, itself left out.
    fn ours(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies
            .iter()
            .filter(|dependency| dependency.ours && dependency.name != self.name)
    }
}

#[test]
fn services_do_not_depend_on_services() {
    let packages = workspace();
    let is_service = |name: &str| packages.iter().any(|p| p.is_service() && p.name == name);
    // suite hosts them, tests drives them.
    let others = packages.iter().filter(|package| !["suite", "tests"].contains(&&*package.name));
    for package in others {
        for dependency in package.ours() {
            let (from, to) = (&package.name, &dependency.name);
            assert!(!is_service(to), "{from} depends on the service {to}: they meet in wire");
        }
    }
}

#[test]
fn nothing_depends_on_the_suite_or_the_tests() {
    for package in workspace() {
        let names: Vec<&str> = package.ours().map(|dependency| &*dependency.name).collect();
        let wrong = names.iter().any(|name| ["suite", "tests"].contains(name));
        assert!(!wrong, "{} depends on {names:?}", package.name);
    }
}

#[test]
fn libraries_depend_on_each_other_as_listed_and_not_otherwise() {
    let allowed = BTreeMap::from(BETWEEN_LIBS);
    for package in workspace().into_iter().filter(Package::is_lib) {
        let name = &*package.name;
        let listed = allowed.get(name).unwrap_or_else(|| panic!("{name} is not in BETWEEN_LIBS"));
        let mut found: Vec<&str> = package
            .ours()
            .filter(|dependency| dependency.kind != DependencyKind::Development)
            .map(|dependency| &*dependency.name)
            .collect();
        found.sort_unstable();
        assert_eq!(found, *listed, "{name}");
        let for_tests = package.ours().filter(|d| d.kind == DependencyKind::Development);
        let wrong: Vec<&str> = for_tests.map(|d| &*d.name).filter(|d| !LIBS.contains(d)).collect();
        assert!(wrong.is_empty(), "the tests of {name} use {wrong:?}");
    }
}

const LIBS: [&str; 8] = ["wire", "kernel", "fault", "db", "hot", "chassis", "tail", "testkit"];

#[test]
fn testkit_is_for_tests() {
    for package in workspace().into_iter().filter(|package| package.name != "tests") {
        for dependency in package.ours().filter(|dependency| dependency.name == "testkit") {
            let behind_feature = dependency.optional && package.features.contains_key("testkit");
            let for_tests = dependency.kind == DependencyKind::Development;
            assert!(for_tests || behind_feature, "{} needs testkit to run", package.name);
        }
    }
}
