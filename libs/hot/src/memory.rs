//! The cache of a single process: the embedded default.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use kernel::Timestamp;
use moka::Expiry;
use moka::future::Cache;
use moka::ops::compute::{CompResult, Op};
use tokio::sync::broadcast;

use crate::bucket::Bucket;
use crate::contract::spread;
use crate::count::{Count, Counters};
use crate::turn::Turns;
use crate::{Hot, Key, Put, Rate, Taken, Versioned, Wake, Wanted, wake};

/// Room for the hot aggregates of a few thousand workspaces.
const BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The least used are forgotten first, which fills them.
const BUCKETS_MAX: u64 = 100_000;

pub(crate) struct Memory {
    values: Cache<Key, Held>,
    buckets: Cache<Key, Arc<Mutex<Bucket>>>,
    counters: Counters,
    turns: Turns,
    wakes: broadcast::Sender<Wake>,
}

#[derive(Clone)]
struct Held {
    versioned: Versioned,
    ttl: Duration,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let values = Cache::builder()
            .max_capacity(BYTES_MAX)
            .weigher(|key: &Key, held: &Held| {
                // What an entry costs beside its bytes.
                const ENTRY: usize = 128;
                let bytes = key.as_str().len() + held.versioned.value.len() + ENTRY;
                u32::try_from(bytes).unwrap_or(u32::MAX)
            })
            .expire_after(ByValue)
            .build();
        let buckets = Cache::builder().max_capacity(BUCKETS_MAX).build();
        let wakes = broadcast::Sender::new(wake::BACKLOG);
        Self { values, buckets, counters: Counters::new(), turns: Turns::new(), wakes }
    }
}

#[async_trait]
impl Hot for Memory {
    async fn get(&self, key: &Key) -> Option<Versioned> {
        self.values.get(key).await.map(|held| held.versioned)
    }

    async fn put(&self, key: &Key, version: i64, value: Bytes, ttl: Duration) -> Put {
        let held = Held { versioned: Versioned { version, value }, ttl: spread(key, ttl) };
        let outcome = self
            .values
            .entry(key.clone())
            .and_compute_with(async |there| match there {
                Some(there) if there.value().versioned.version > version => Op::Nop,
                _ => Op::Put(held),
            })
            .await;
        match outcome {
            CompResult::Unchanged(_) => Put::Older,
            _ => Put::Stored,
        }
    }

    async fn take(&self, key: &Key, wanted: Wanted, rate: Rate, now: Timestamp) -> Option<Taken> {
        let full = async { Arc::new(Mutex::new(Bucket::full(rate, now))) };
        let bucket = self.buckets.get_with_by_ref(key, full).await;
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        Some(bucket.take(wanted, rate, now))
    }

    async fn count(&self, key: &Key, limit: u32, ttl: Duration) -> Option<Count> {
        Some(self.counters.count(key, limit, ttl).await)
    }

    async fn turn(&self, key: &Key, length: Duration) -> Option<bool> {
        Some(self.turns.take(key, length).await)
    }

    async fn publish(&self, wake: Wake) {
        // Nobody listening is no error.
        let _ = self.wakes.send(wake);
    }

    fn subscribe(&self) -> broadcast::Receiver<Wake> {
        self.wakes.subscribe()
    }

    fn is_up(&self) -> bool {
        true
    }

    fn kind(&self) -> &'static str {
        "memory"
    }
}

/// Every value brings its own time to live, each time it is written.
struct ByValue;

impl Expiry<Key, Held> for ByValue {
    fn expire_after_create(&self, _: &Key, held: &Held, _: Instant) -> Option<Duration> {
        Some(held.ttl)
    }

    fn expire_after_update(
        &self,
        _: &Key,
        held: &Held,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(held.ttl)
    }
}
