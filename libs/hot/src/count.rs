//! Counters with a ceiling: what one granted, and what it turned away.
//!
//! A ceiling inside the counter, because between reading a count and raising it another caller fits.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;
use moka::ops::compute::Op;
use redis::Script;

use crate::Key;
use crate::link::Link;

/// Longer is for ever, and more than a clock or Redis can add to now.
const TTL_MAX: Duration = Duration::from_secs(10 * 366 * 86_400);

/// What a counter said to one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Whether this caller was counted: fewer than the limit had been.
    pub granted: bool,
    /// How many were granted before this caller.
    pub before: u32,
    /// How many were turned away before this caller.
    pub refused: u32,
}

/// The same arithmetic in Redis, `g` granted and `r` refused. A value of another kind counts as none.
/// A counter lives from its last grant on; one that never granted lives from its first refusal.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local there = redis.pcall('HMGET', KEYS[1], 'g', 'r')
         if there.err then
             redis.call('DEL', KEYS[1])
             there = {}
         end
         local before, refused = tonumber(there[1] or 0) or 0, tonumber(there[2] or 0) or 0
         local granted = before < tonumber(ARGV[1])
         redis.call('HINCRBY', KEYS[1], granted and 'g' or 'r', 1)
         if granted or redis.call('PTTL', KEYS[1]) < 0 then
             redis.call('PEXPIRE', KEYS[1], ARGV[2])
         end
         return {granted and 1 or 0, before, refused}",
    )
});

/// Counts in Redis.
pub(crate) async fn in_redis(link: &Link, key: &Key, limit: u32, ttl: Duration) -> Option<Count> {
    let ttl_ms = u64::try_from(ttl.min(TTL_MAX).as_millis()).unwrap_or(u64::MAX).max(1);
    let counted = link.run(async |connection| {
        let mut script = COUNT.prepare_invoke();
        script.key(key.as_str()).arg(limit).arg(ttl_ms);
        script.invoke_async::<(bool, u32, u32)>(connection).await
    });
    let (granted, before, refused) = counted.await?;
    Some(Count { granted, before, refused })
}

/// Counters of this process; the least used are forgotten first.
pub(crate) struct Counters(Cache<Key, Held>);

/// Room for the calls of some ten thousand tickets at work at once.
const COUNTERS_MAX: u64 = 200_000;

#[derive(Clone)]
struct Held {
    granted: u32,
    refused: u32,
    /// Kept here and not left to the cache: what that has left of an entry's time is lost when a refusal
    /// meets the very end of it, and the counter would refuse for ever.
    until: Instant,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(COUNTERS_MAX).expire_after(AsHeld).build())
    }

    pub(crate) async fn count(&self, key: &Key, limit: u32, ttl: Duration) -> Count {
        let ttl = ttl.min(TTL_MAX);
        let mut seen = Count { granted: false, before: 0, refused: 0 };
        let told = &mut seen;
        let raise = move |there: Option<moka::Entry<Key, Held>>| async move {
            let now = Instant::now();
            let there = there.map(moka::Entry::into_value).filter(|held| held.until > now);
            let mut held = there.unwrap_or(Held { granted: 0, refused: 0, until: now + ttl });
            let granted = held.granted < limit;
            *told = Count { granted, before: held.granted, refused: held.refused };
            if granted {
                held.granted += 1;
                held.until = now + ttl;
            } else {
                held.refused = held.refused.saturating_add(1);
            }
            Op::Put(held)
        };
        let _ = self.0.entry_by_ref(key).and_compute_with(raise).await;
        seen
    }
}

/// As the counter says. Refusals do not keep it alive: else who asks in a loop would be refused for ever.
struct AsHeld;

impl Expiry<Key, Held> for AsHeld {
    fn expire_after_create(&self, _: &Key, held: &Held, at: Instant) -> Option<Duration> {
        Some(held.until.saturating_duration_since(at))
    }

    fn expire_after_update(
        &self,
        _: &Key,
        held: &Held,
        at: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(held.until.saturating_duration_since(at))
    }
}
