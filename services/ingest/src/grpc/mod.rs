//! The wire. Beside it only `access` (scopes) and `catalog_watch` (the catalog's stream) name wire types.

mod access;
mod access_change;
mod admission;
mod batch_places;
mod bodies;
mod conflict;
mod correct;
mod corrections;
mod defaults;
mod guard;
mod ingest;
mod kinds;
mod ledger;
mod list;
mod parse;
mod parse_change;
mod parse_price;
mod read_within;
mod record;
mod render;
mod stream;
mod track;

use fault::Fault;

pub(crate) use access::AccessApi;
pub(crate) use batch_places::BatchPlaces;
pub(crate) use guard::GuardApi;
#[cfg(test)]
pub(crate) use guard::args_hash;
pub(crate) use ingest::IngestApi;
pub(crate) use ledger::LedgerApi;
pub(crate) use parse_change::parse_change;

/// How a failure of the database reads to a caller.
fn storage(error: db::Error) -> Fault {
    if error.is_retryable() {
        Fault::storage_unavailable().because(error)
    } else {
        Fault::internal("the ledger could not answer").because(error)
    }
}

/// A patience for waits inside a handler: what the caller grants, or a little where it grants all.
fn patience() -> std::time::Duration {
    chassis::deadline::remaining().unwrap_or(std::time::Duration::from_secs(5))
}

/// A token that reads as a position, or a violation.
fn position(
    violations: &mut fault::Violations,
    field: &'static str,
    token: &str,
) -> Option<kernel::Position> {
    if token.is_empty() {
        return None;
    }
    violations.take(field, token.parse())
}
