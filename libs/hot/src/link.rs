//! One connection to Redis, and the breaker in front of it.
//!
//! The breaker is the connection's presence: a call that finds none is over at once, a call that
//! finds it broken takes it away, and a task in the background puts a new one there when Redis
//! answers.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};
use tokio::sync::watch;
use tokio::time::timeout;

/// The longest a caller waits for an answer. The database would have answered by then.
const RESPONSE: Duration = Duration::from_millis(50);
const CONNECT: Duration = Duration::from_millis(250);
/// Between attempts to connect: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// A connection that lived this long was a good one: the next may be made without waiting.
const GOOD: Duration = Duration::from_secs(5);

/// Shared by the callers and the task that keeps it.
#[derive(Clone)]
pub(crate) struct Link {
    live: watch::Sender<Option<Live>>,
}

#[derive(Clone)]
struct Live {
    number: u64,
    connection: MultiplexedConnection,
}

impl Link {
    pub(crate) fn new() -> Self {
        Self { live: watch::Sender::new(None) }
    }

    /// Runs `work` on the connection. None when there is none, or it failed.
    pub(crate) async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Option<T> {
        let Live { number, mut connection } = self.live.borrow().clone()?;
        // The client has a timeout of its own; this one also covers scripts of two round trips.
        let failed = match timeout(RESPONSE, work(&mut connection)).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => {
                tracing::debug!(%error, "Redis refused a command");
                is_broken(&error)
            }
            Err(_) => true,
        };
        if failed {
            self.take_away(number);
        }
        None
    }

    /// Whether there is a connection.
    pub(crate) fn is_up(&self) -> bool {
        self.live.borrow().is_some()
    }

    /// Resolves when there is a connection.
    pub(crate) async fn up(&self) {
        self.becomes(true).await;
    }

    /// Resolves when there is none.
    pub(crate) async fn down(&self) {
        self.becomes(false).await;
    }

    async fn becomes(&self, up: bool) {
        let mut live = self.live.subscribe();
        live.wait_for(|live| live.is_some() == up).await.expect("this link holds the sender");
    }

    /// Only the connection that failed: many calls fail at once, and a new one may be there
    /// already.
    fn take_away(&self, number: u64) {
        self.live.send_if_modified(|live| {
            let is_it = live.as_ref().is_some_and(|live| live.number == number);
            if is_it {
                *live = None;
            }
            is_it
        });
    }

    /// Keeps a connection there for as long as anybody runs this.
    pub(crate) async fn keep(&self, client: &Client) {
        let mut wait = RETRY.0;
        for number in 0.. {
            let connection = connected(client, &mut wait).await;
            tracing::info!("Redis answers");
            let since = Instant::now();
            self.live.send_replace(Some(Live { number, connection }));
            self.down().await;
            tracing::warn!("Redis does not answer: the cache is empty until it does");
            if since.elapsed() > GOOD {
                wait = RETRY.0;
            } else {
                // It accepts connections and lets calls hang: each attempt costs some caller 50 ms.
                #[expect(clippy::disallowed_methods, reason = "waits for a server to come back")]
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY.1);
            }
        }
    }
}

/// An answer that says no leaves the connection usable.
fn is_broken(error: &RedisError) -> bool {
    error.is_timeout() || error.is_io_error() || error.is_unrecoverable_error()
}

async fn connected(client: &Client, wait: &mut Duration) -> MultiplexedConnection {
    loop {
        match timeout(CONNECT, connect(client)).await {
            Ok(Ok(connection)) => return connection,
            Ok(Err(error)) => tracing::debug!(%error, "Redis cannot be reached"),
            Err(_) => tracing::debug!("Redis does not answer in time"),
        }
        #[expect(clippy::disallowed_methods, reason = "waits for a server to come back")]
        tokio::time::sleep(*wait).await;
        *wait = (*wait * 2).min(RETRY.1);
    }
}

async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(RESPONSE));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    // A frozen server still accepts connections: only an answer proves that it lives.
    redis::cmd("PING").exec_async(&mut connection).await?;
    Ok(connection)
}
