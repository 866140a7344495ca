//! The shared cache: hot aggregates by version, token buckets, counters with a ceiling, and wake-ups
//! between processes. Redis, or memory of this process when there is no Redis, under one contract.
//!
//! It may be emptied at any moment, hang or be gone, and no figure becomes wrong: answers are slower, and
//! what is counted here is counted anew. So no call fails: what cannot be read is a miss, what cannot be
//! written is [`Put::Unavailable`], and a Redis that does not answer costs one call 50 ms, and those after
//! it nothing until it answers again.
//!
//! Values that are expensive to make go through [`Cache`], which has them made by one caller at a time.
//!
//! A value carries the version (the ledger position) it reflects, and an older one never replaces a
//! newer that is still there. It says nothing about a value that was evicted or flushed in between:
//! a reader that needs a certain version compares [`Versioned::version`].
#![deny(missing_docs)]

mod bucket;
mod cache;
mod contract;
mod count;
mod flight;
mod frame;
mod key;
mod link;
mod memory;
mod redis;
mod turn;
mod wake;

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

pub use bucket::{Rate, Taken, Wanted};
pub use cache::{Cache, Lookup, Need};
pub use contract::{Hot, Put, Versioned};
pub use count::Count;
pub use key::Key;
pub use wake::Wake;

/// The address is not one of Redis. Whether anything answers there is no matter for starting.
#[derive(Debug, thiserror::Error)]
#[error("the Redis address is not usable: {why}. Write redis://user:password@host:6379/0")]
pub struct AddressError {
    why: String,
}

/// Opens the cache: Redis at `url`, or this process's memory. Connects in the background; until
/// then everything is a miss. The connections end when the last handle is dropped.
///
/// # Errors
/// When `url` is not an address. Redis being down is no error.
///
/// # Panics
/// Outside a tokio runtime.
pub fn open(url: Option<&SecretString>) -> Result<Arc<dyn Hot>, AddressError> {
    let Some(url) = url else { return Ok(Arc::new(memory::Memory::new())) };
    Ok(Arc::new(redis::Redis::new(client(url)?)))
}

/// Whether `url` can be an address of Redis, without connecting to anything.
///
/// # Errors
/// When it is none; the error shows no password.
pub fn check(url: &SecretString) -> Result<(), AddressError> {
    client(url).map(drop)
}

fn client(url: &SecretString) -> Result<::redis::Client, AddressError> {
    // The client's errors name the part that is wrong and never repeat the address.
    ::redis::Client::open(url.expose_secret()).map_err(|err| AddressError { why: err.to_string() })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_address_that_is_none_is_refused_without_its_password() {
        for url in ["hunter2", "http://tally:hunter2@cache/", "redis://tally:hunter2@cache:port/"] {
            let said = open(Some(&url.to_owned().into())).err().unwrap().to_string();
            assert!(said.contains("redis://user:password@host:6379/0"), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
