//! The cache that processes share.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use kernel::Timestamp;
use redis::{Client, RedisResult, Script};
use tokio::sync::broadcast;
use tokio::task::AbortHandle;

use crate::contract::spread;
use crate::count::{self, Count};
use crate::link::Link;
use crate::{Hot, Key, Put, Rate, Taken, Versioned, Wake, Wanted, frame, turn, wake};

const CHANNEL: &str = "tally:wake";
/// Before a lost subscription is made again: a Redis that refuses it must not be asked in a loop.
const RESUBSCRIBE: Duration = Duration::from_millis(100);

/// Stores a frame unless a newer version is there. Compares byte by byte: Lua's numbers are
/// doubles, and its strings compare by locale. A value of another kind counts as none, and SET
/// replaces any.
static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local there = redis.pcall('GETRANGE', KEYS[1], 0, 8)
         if type(there) == 'string' and #there == 9
            and string.byte(there, 1) == string.byte(ARGV[1], 1) then
             for at = 2, 9 do
                 local old, new = string.byte(there, at), string.byte(ARGV[1], at)
                 if old > new then return 0 end
                 if old < new then break end
             end
         end
         redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
         return 1",
    )
});

/// Removes a damaged value, unless it was replaced meanwhile: its version may be nonsense, and
/// would keep good values out until it expires.
static DISCARD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.pcall('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
         return 0",
    )
});

/// A bucket as `millionths moment`, by the arithmetic of [`crate::bucket`]; all of it fits a double.
/// One that would be full is let go. Answers tokens, and microseconds to wait when there are none.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
         local now = time[1] * 1000000 + time[2]
         local rate, full = tonumber(ARGV[1]), ARGV[2] * 1000000
         local least, most = tonumber(ARGV[3]), tonumber(ARGV[4])
         local parts, there = full, redis.pcall('GET', KEYS[1])
         if type(there) == 'string' then
             local held, filled = string.match(there, '^(-?%d+) (%d+)$')
             if held then
                 local passed = math.max(now - filled, 0)
                 parts = math.min(held + passed * rate, full)
             end
         end
         local given, wait = 0, 0
         local missing = math.min(least * 1000000, full) - parts
         if missing > 0 then
             wait = math.ceil(missing / rate)
         else
             given = math.max(math.min(math.floor(parts / 1000000), most), least)
             parts = parts - given * 1000000
         end
         local ttl = math.ceil((full - parts) / rate / 1000) + 1000
         redis.call('SET', KEYS[1], string.format('%.0f %.0f', parts, now), 'PX', string.format('%.0f', ttl))
         return {given, wait}",
    )
});

pub(crate) struct Redis {
    link: Link,
    wakes: broadcast::Sender<Wake>,
    tasks: [AbortHandle; 2],
}

impl Redis {
    pub(crate) fn new(client: Client) -> Self {
        let link = Link::new();
        let wakes = broadcast::Sender::new(wake::BACKLOG);
        let keeper = tokio::spawn({
            let (link, client) = (link.clone(), client.clone());
            async move { link.keep(&client).await }
        });
        let listener = tokio::spawn(listen(client, link.clone(), wakes.clone()));
        let tasks = [keeper.abort_handle(), listener.abort_handle()];
        Self { link, wakes, tasks }
    }

    async fn discard(&self, key: &Key, damaged: &[u8]) {
        let removed = self.link.run(async |connection| {
            let mut script = DISCARD.prepare_invoke();
            script.key(key.as_str()).arg(damaged).invoke_async::<i64>(connection).await
        });
        if removed.await == Some(1) {
            tracing::warn!(key = key.as_str(), "a damaged value was removed from the cache");
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

#[async_trait]
impl Hot for Redis {
    async fn get(&self, key: &Key) -> Option<Versioned> {
        let found = self.link.run(async |connection| -> RedisResult<Option<Vec<u8>>> {
            redis::cmd("GET").arg(key.as_str()).query_async(connection).await
        });
        let found = found.await??;
        let decoded = frame::decode(&found);
        if decoded.is_none() {
            self.discard(key, &found).await;
        }
        decoded.map(|version| Versioned { version, value: frame::value(found) })
    }

    async fn put(&self, key: &Key, version: i64, value: Bytes, ttl: Duration) -> Put {
        let frame = frame::encode(version, &value);
        let ttl_ms = u64::try_from(spread(key, ttl).as_millis()).unwrap_or(u64::MAX).max(1);
        let stored = self.link.run(async |connection| {
            let mut script = PUT.prepare_invoke();
            script.key(key.as_str()).arg(&frame).arg(ttl_ms).invoke_async::<i64>(connection).await
        });
        match stored.await {
            Some(1) => Put::Stored,
            Some(_) => Put::Older,
            None => Put::Unavailable,
        }
    }

    async fn take(&self, key: &Key, wanted: Wanted, rate: Rate, _: Timestamp) -> Option<Taken> {
        let taken = self.link.run(async |connection| {
            let mut script = TAKE.prepare_invoke();
            script.key(key.as_str()).arg(rate.per_second.max(1)).arg(rate.burst);
            script.arg(wanted.least).arg(wanted.most);
            script.invoke_async::<(u32, u64)>(connection).await
        });
        Some(match taken.await? {
            (given, 0) => Taken::Given(given),
            (_, micros) => Taken::Wait(Duration::from_micros(micros)),
        })
    }

    async fn count(&self, key: &Key, limit: u32, ttl: Duration) -> Option<Count> {
        count::in_redis(&self.link, key, limit, ttl).await
    }

    async fn turn(&self, key: &Key, length: Duration) -> Option<bool> {
        turn::in_redis(&self.link, key, length).await
    }

    async fn publish(&self, wake: Wake) {
        let told = self.link.run(async |connection| {
            redis::cmd("PUBLISH").arg(CHANNEL).arg(wake.encode()).exec_async(connection).await
        });
        if told.await.is_none() {
            // This process at least: its subscribers would have heard it from Redis.
            let _ = self.wakes.send(wake);
        }
    }

    fn subscribe(&self) -> broadcast::Receiver<Wake> {
        self.wakes.subscribe()
    }

    fn is_up(&self) -> bool {
        self.link.is_up()
    }

    fn kind(&self) -> &'static str {
        "redis"
    }
}

/// Passes on what is published, on a connection of its own that is made anew when either is lost: a
/// subscription cannot tell silence from a frozen server, the link can.
async fn listen(client: Client, link: Link, wakes: broadcast::Sender<Wake>) {
    loop {
        link.up().await;
        tokio::select! {
            lost = pass_on(&client, &wakes) => {
                let error = lost.err();
                tracing::debug!(?error, "the subscription to wake-ups was lost");
            }
            () = link.down() => {}
        }
        #[expect(clippy::disallowed_methods, reason = "waits for a server to come back")]
        tokio::time::sleep(RESUBSCRIBE).await;
    }
}

async fn pass_on(client: &Client, wakes: &broadcast::Sender<Wake>) -> RedisResult<()> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(CHANNEL).await?;
    let mut messages = subscription.on_message();
    while let Some(message) = messages.next().await {
        if let Some(wake) = Wake::decode(message.get_payload_bytes()) {
            // Nobody listening is no error.
            let _ = wakes.send(wake);
        }
    }
    Ok(())
}
