//! What a cache promises, whichever it is.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use kernel::Timestamp;
use tokio::sync::broadcast;

use crate::{Count, Key, Rate, Taken, Wake, Wanted};

/// A cached value and the ledger position it reflects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// Grows with the ledger.
    pub version: i64,
    /// What was put.
    pub value: Bytes,
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is there now.
    Stored,
    /// A newer version was there, and stays.
    Older,
    /// The cache did not take it, or did not say so.
    Unavailable,
}

/// The shared cache. No call fails, and none waits longer than 50 ms for an answer.
#[async_trait]
pub trait Hot: Send + Sync {
    /// The value under `key`. None when there is none, when it is damaged, and when nobody answers.
    async fn get(&self, key: &Key) -> Option<Versioned>;

    /// Keeps `value` for at most `ttl`, unless a newer version is there. The same version again
    /// replaces it. Expiry is spread over the last eighth of `ttl`, by key, so that values written
    /// together do not vanish together.
    async fn put(&self, key: &Key, version: i64, value: Bytes, ttl: Duration) -> Put;

    /// Takes tokens out of the bucket under `key`, which is full when nobody took any for long, or
    /// when the cache was emptied. Redis goes by its own clock, memory by `now`. None when nobody
    /// answers: whether tokens were taken is unknown then.
    async fn take(&self, key: &Key, wanted: Wanted, rate: Rate, now: Timestamp) -> Option<Taken>;

    /// Counts one more under `key`, unless `limit` were counted already: then it is turned away, which
    /// is counted too. Of any number of callers in any number of processes, `limit` are granted, until
    /// `ttl` has passed since the last of them. None when nobody answers: whether it was counted is
    /// unknown then.
    async fn count(&self, key: &Key, limit: u32, ttl: Duration) -> Option<Count>;

    /// Whether it is this caller's turn to do what `key` names: of any number of callers in any number of
    /// processes one has it, until `length` has passed. None when nobody answers.
    async fn turn(&self, key: &Key, length: Duration) -> Option<bool>;

    /// Tells every subscriber, in this process and others, that a partition has grown. May be lost:
    /// whoever depends on it also looks by itself.
    async fn publish(&self, wake: Wake);

    /// Hears the wake-ups from now on. One that lags behind is told so and goes on with newer ones.
    fn subscribe(&self) -> broadcast::Receiver<Wake>;

    /// Whether anybody would answer, as far as the last call knows.
    fn is_up(&self) -> bool;

    /// `redis` or `memory`, for telemetry.
    fn kind(&self) -> &'static str;
}

/// Shortens `ttl` by up to an eighth.
pub(crate) fn spread(key: &Key, ttl: Duration) -> Duration {
    let share = crc32fast::hash(key.as_str().as_bytes()) % 256;
    ttl - ttl / 8 * share / 256
}
