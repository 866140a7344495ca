//! Whose turn it is to make a value anew: one caller in all processes, for a moment.
//!
//! A turn is not a lock that anybody gives back. It ends by itself, so that a process that dies with it
//! delays nobody, and so that what is asked for in a loop is made at most once in each such moment.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use moka::future::Cache;
use moka::ops::compute::{CompResult, Op};
use redis::Script;

use crate::Key;
use crate::link::Link;

/// Taken only while it still has a time to end that it could have got here: whatever else lies under the
/// name, such as an old turn that somebody put back without one, would keep everybody waiting for ever.
static TURN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local left = redis.call('PTTL', KEYS[1])
         if left > 0 and left <= tonumber(ARGV[1]) then return 0 end
         redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
         return 1",
    )
});

/// Whether the caller has it, by Redis. `None` when nobody answers.
pub(crate) async fn in_redis(link: &Link, key: &Key, length: Duration) -> Option<bool> {
    let ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1);
    let given = link.run(async |connection| {
        let mut script = TURN.prepare_invoke();
        script.key(key.as_str()).arg(ms).invoke_async::<i64>(connection).await
    });
    Some(given.await? == 1)
}

/// The turns of one process.
pub(crate) struct Turns(Cache<Key, Instant>);

/// Turns are brief: more at once than this are values made anew by the thousand, and then one more does
/// not matter.
const TURNS_MAX: u64 = 10_000;
/// Longer than any turn; a cache needs some end.
const KEPT: Duration = Duration::from_secs(60);

impl Turns {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(TURNS_MAX).time_to_live(KEPT).build())
    }

    pub(crate) async fn take(&self, key: &Key, length: Duration) -> bool {
        let now = Instant::now();
        let taken = self.0.entry_by_ref(key).and_compute_with(async |there| match there {
            Some(until) if *until.value() > now => Op::Nop,
            _ => Op::Put(now + length),
        });
        !matches!(taken.await, CompResult::Unchanged(_))
    }
}
