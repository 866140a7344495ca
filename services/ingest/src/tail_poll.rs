//! Learning of commits by other replicas: announcements through the cache, and a slow look at the
//! database in case one was lost.

use std::sync::Arc;
use std::time::Duration;

use hot::Hot;
use kernel::{Clock, Position};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::heads::Heads;
use crate::store::LedgerReader;

/// How late a commit of another replica is seen when no announcement arrives.
const POLL: Duration = Duration::from_millis(250);

/// Keeps `heads` true until the service stops.
pub(crate) async fn run(
    heads: Heads,
    reader: LedgerReader,
    hot: Arc<dyn Hot>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut wakes = hot.subscribe();
    let mut next = clock.now();
    let mut failing = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            wake = wakes.recv() => match wake {
                Ok(wake) => heads.raise([Position { partition: wake.partition, seq: wake.seq }]),
                // Too many to keep: the poll finds what they said.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => wakes = hot.subscribe(),
            },
            () = clock.sleep_until(next) => {
                match reader.heads().await {
                    Ok(known) => {
                        heads.raise(known);
                        failing = false;
                    }
                    Err(error) if !failing => {
                        tracing::warn!(error = fault::chain(&error), "the heads cannot be read");
                        failing = true;
                    }
                    Err(_) => {}
                }
                next = clock.now().plus(POLL);
            }
        }
    }
}
