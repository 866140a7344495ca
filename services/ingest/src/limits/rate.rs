//! Events a second: a bucket all replicas share, and a purse of borrowed tokens in each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hot::{Hot, Key, Taken, Wanted};
use kernel::{Clock, Timestamp, WorkspaceId};

use crate::domain::Rate;
use crate::domain::purse::{Purse, Spent};

/// Purses kept: past it the map starts anew, and with it a slice of each rate.
const PURSES_MAX: usize = 10_000;

pub(crate) struct RateLimiter {
    shared: Arc<dyn Hot>,
    /// What counts while nobody answers for `shared`.
    own: Arc<dyn Hot>,
    clock: Arc<dyn Clock>,
    purses: Mutex<HashMap<WorkspaceId, Arc<tokio::sync::Mutex<Purse>>>>,
}

impl RateLimiter {
    pub(crate) fn new(shared: Arc<dyn Hot>, own: Arc<dyn Hot>, clock: Arc<dyn Clock>) -> Self {
        Self { shared, own, clock, purses: Mutex::default() }
    }

    /// Lets `events` in together, or says after which delay they fit.
    pub(crate) async fn admit(
        &self,
        workspace: WorkspaceId,
        events: u32,
        rate: Rate,
    ) -> Result<(), Duration> {
        let purse = self.purse(workspace);
        // Held while tokens are borrowed: those who come in between spend what it brings.
        let mut purse = purse.lock().await;
        let now = self.clock.now();
        let (least, most) = match purse.spend(events, rate, now) {
            Spent::Yes => return Ok(()),
            Spent::Wait(wait) => return Err(wait),
            Spent::Borrow(least, most) => (least, most),
        };
        match Box::pin(self.borrow(workspace, Wanted { least, most }, rate, now)).await {
            Taken::Given(given) => {
                purse.lent(given, most, events, now);
                Ok(())
            }
            Taken::Wait(wait) => Err(purse.turned_away(least, wait, now)),
        }
    }

    async fn borrow(
        &self,
        workspace: WorkspaceId,
        wanted: Wanted,
        rate: Rate,
        now: Timestamp,
    ) -> Taken {
        let key = Key::new(workspace, "rate", ["events"]);
        let rate = hot::Rate { per_second: rate.per_second, burst: rate.burst };
        if let Some(taken) = self.shared.take(&key, wanted, rate, now).await {
            return taken;
        }
        let taken = self.own.take(&key, wanted, rate, now).await;
        // Memory always answers; a limit that nobody keeps must not stop anybody.
        taken.unwrap_or(Taken::Given(wanted.least))
    }

    fn purse(&self, workspace: WorkspaceId) -> Arc<tokio::sync::Mutex<Purse>> {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        if purses.len() >= PURSES_MAX && !purses.contains_key(&workspace) {
            purses.clear();
        }
        Arc::clone(purses.entry(workspace).or_default())
    }
}
