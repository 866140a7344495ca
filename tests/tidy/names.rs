//! Who may speak of what: the domain of nothing but itself, only `store/` of the database, only
//! `grpc/` of the wire.

use std::collections::{BTreeMap, BTreeSet};

use crate::arrows::workspace;
use crate::code::{is_word, without_comments};
use crate::ratchet::{Breach, holds};
use crate::tree::{Source, sources};

/// What a domain may name beside std and kernel: pure functions over bytes and text, no I/O.
const PURE: [(&str, &str); 15] = [
    ("thiserror", "errors are enums"),
    ("sha2", "digests of ids and keys"),
    ("hmac", "signatures"),
    ("base64", "how signatures and secrets are written"),
    ("subtle", "comparing secrets in constant time"),
    ("crc32fast", "the checksum in an API key"),
    ("ipnet", "which addresses a webhook may reach"),
    ("url", "what an endpoint's address means"),
    ("fastbloom", "which keys a run does not have"),
    ("foldhash", "hashes of short keys"),
    ("roaring", "sets of ticket numbers"),
    ("strsim", "did you mean"),
    ("jiff", "calendars and zones, with the time given"),
    ("regex", "which models a price is for"),
    ("saphyr_parser", "what a pack says"),
];

/// Reading a clock, the environment or chance, and waiting by the clock of the machine.
const IMPURE: [&str; 6] =
    ["SystemTime::now", "Instant::now", "time::sleep", "env::var", "rand::rng", "thread::sleep"];

#[test]
fn a_domain_names_only_itself_kernel_and_pure_functions() {
    let dependencies = dependencies();
    let mut breaches = Vec::new();
    for source in product().filter(|s| s.in_src().is_some_and(|path| path.starts_with("domain/"))) {
        let code = source.product();
        let known = &dependencies[source.home()];
        for (head, next) in paths(&code) {
            let pure = head == "kernel" || PURE.iter().any(|(name, _)| *name == head);
            let foreign = known.contains(head) && !pure;
            let elsewhere = head == "crate" && !matches!(next, "domain" | "");
            let io = head == "std" && matches!(next, "fs" | "env" | "process" | "thread");
            if foreign || elsewhere || io {
                breaches.push(breach(&source, format!("names {head}::{next}")));
            }
        }
        for word in ["async", "await", "SystemTime", "Instant"] {
            if code.split(|c| !is_word(c)).any(|found| found == word) {
                breaches.push(breach(&source, format!("says {word}")));
            }
        }
    }
    holds("domain", "a domain is pure: time and ids come in as arguments", &breaches);
}

#[test]
fn only_a_store_names_the_database() {
    let stores = ["libs/db/", "libs/tail/", "libs/testkit/"];
    let breaches: Vec<Breach> = product()
        .filter(|source| !stores.iter().any(|store| source.path.starts_with(store)))
        .filter(|source| !source.in_src().is_some_and(|path| path.starts_with("store/")))
        .filter(|source| names(source, &["sea_orm", "sea_orm_migration", "sqlx"]))
        .map(|source| breach(&source, "names sea_orm".to_owned()))
        .collect();
    holds("sea_orm", "databases are spoken to in store/", &breaches);
}

#[test]
fn only_the_edge_of_a_service_names_the_wire() {
    let breaches: Vec<Breach> = product()
        .filter(Source::is_in_service)
        .filter(|source| {
            let path = source.in_src().unwrap_or_default();
            // lib.rs hands servers and clients to whoever needs them, and does nothing with them.
            !path.starts_with("grpc/") && path != "lib.rs"
        })
        .filter(|source| names(source, &["tonic", "wire", "prost"]))
        .map(|source| breach(&source, "names tonic, prost or wire".to_owned()))
        .collect();
    holds("transport", "messages are parsed and rendered in grpc/", &breaches);
}

#[test]
fn the_edge_of_a_service_does_not_see_its_store() {
    let breaches: Vec<Breach> = product()
        .filter(|source| source.in_src().is_some_and(|path| path.starts_with("grpc/")))
        .filter(|source| paths(&source.product()).any(|path| path == ("crate", "store")))
        .map(|source| breach(&source, "names crate::store".to_owned()))
        .collect();
    holds("store", "grpc/ asks app, and app asks the store", &breaches);
}

#[test]
fn time_chance_and_the_environment_are_given_and_not_taken() {
    // chassis and testkit give them; db and hot wait for servers of others, and no test's clock
    // moves those.
    let givers = ["libs/chassis/", "libs/testkit/", "libs/db/", "libs/hot/"];
    let mut breaches = Vec::new();
    for source in product().filter(|s| !givers.iter().any(|giver| s.path.starts_with(giver))) {
        let code = source.product();
        let found = IMPURE.iter().filter(|name| code.contains(*name));
        breaches.extend(found.map(|name| breach(&source, format!("says {name}"))));
    }
    holds("clock", "use Clock, IdSource and Vars", &breaches);
}

#[test]
fn no_sequence_gives_out_numbers() {
    for source in product() {
        let text = without_comments(&source.text).to_lowercase();
        let text = text.replace("auto_increment = false", "");
        for word in ["bigserial", "auto_increment", "autoincrement", "serial primary"] {
            // A tailer misses rows that sequences number: they become visible out of order.
            assert!(!text.contains(word), "{} says {word}", source.path);
        }
    }
}

/// What is compiled into the product.
fn product() -> impl Iterator<Item = Source> {
    sources().into_iter().filter(|source| !source.is_test)
}

fn breach(source: &Source, what: String) -> Breach {
    Breach { path: source.path.clone(), what }
}

fn names(source: &Source, crates: &[&str]) -> bool {
    paths(&source.product()).any(|(head, _)| crates.contains(&head))
}

/// The first two words of every path in `code`: `("crate", "domain")`.
fn paths(code: &str) -> impl Iterator<Item = (&str, &str)> {
    code.match_indices("::").filter_map(|(at, _)| {
        let before = code[..at].trim_end_matches(is_word);
        let head = &code[before.len()..at];
        let begins = !head.is_empty() && !before.ends_with("::") && !before.ends_with('.');
        let after = &code[at + 2..];
        let end = after.find(|c| !is_word(c)).unwrap_or(after.len());
        begins.then_some((head, &after[..end]))
    })
}

/// The crates each package may name, by its home.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let packages = workspace().into_iter();
    packages
        .map(|package| {
            let names = package.dependencies.iter().map(|d| d.name.replace('-', "_"));
            (package.home.clone(), names.collect())
        })
        .collect()
}

#[test]
fn paths_are_found_where_they_begin() {
    let code = "use crate::store::Row; a.b::<u8>(); ::wire::X; std::fs::read(kernel::Money::of(1))";
    let found: Vec<_> = paths(code).collect();
    assert!(found.contains(&("crate", "store")) && found.contains(&("kernel", "Money")));
    assert!(found.contains(&("std", "fs")) && !found.iter().any(|(head, _)| *head == "store"));
}
