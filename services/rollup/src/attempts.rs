//! How often a passcode may be wrong: ten times, then not for a quarter of an hour.
//!
//! Counted in the shared cache, so that replicas count together; while that is away each counts by
//! itself, for a guard that opened then would be no guard.

use std::sync::Arc;
use std::time::Duration;

use hot::{Hot, Key, Rate, Taken, Wanted};
use kernel::{Timestamp, WorkspaceId};

use crate::domain::ShareId;

const WRONG_MAX: u32 = 10;
/// Since the last wrong one.
pub(crate) const PAUSE: Duration = Duration::from_secs(15 * 60);
/// Attempts at once, and a second: who guesses on many connections gets no further than this.
const ATTEMPTS: Rate = Rate { per_second: 1, burst: 20 };
/// Refusals written into the log of a link.
const LOGGED: Rate = Rate { per_second: 1, burst: 60 };
const ONE: Wanted = Wanted { least: 1, most: 1 };

pub(crate) struct Attempts {
    shared: Arc<dyn Hot>,
    own: Arc<dyn Hot>,
}

impl Attempts {
    pub(crate) fn new(shared: Arc<dyn Hot>, own: Arc<dyn Hot>) -> Self {
        Self { shared, own }
    }

    /// Whether another passcode may be tried now.
    pub(crate) async fn may_try(
        &self,
        workspace: WorkspaceId,
        id: ShareId,
        now: Timestamp,
    ) -> bool {
        let (rate, wrong) = (key(workspace, "share-tries", id), key(workspace, "share-wrong", id));
        if !self.given(&rate, ATTEMPTS, now).await {
            return false;
        }
        // A limit of none counts nothing and tells how many there were.
        let there = self.shared.count(&wrong, 0, PAUSE).await;
        let own = self.own.count(&wrong, 0, PAUSE).await;
        [there, own].into_iter().flatten().all(|count| count.before < WRONG_MAX)
    }

    pub(crate) async fn was_wrong(&self, workspace: WorkspaceId, id: ShareId) {
        let wrong = key(workspace, "share-wrong", id);
        self.shared.count(&wrong, WRONG_MAX, PAUSE).await;
        // Here as well: the shared cache may be emptied while somebody guesses.
        self.own.count(&wrong, WRONG_MAX, PAUSE).await;
    }

    /// Whether a refusal goes into the log: a stranger with an old link must not fill the database.
    pub(crate) async fn is_logged(
        &self,
        workspace: WorkspaceId,
        id: ShareId,
        now: Timestamp,
    ) -> bool {
        self.given(&key(workspace, "share-refused", id), LOGGED, now).await
    }

    async fn given(&self, key: &Key, rate: Rate, now: Timestamp) -> bool {
        let taken = match self.shared.take(key, ONE, rate, now).await {
            Some(taken) => Some(taken),
            None => self.own.take(key, ONE, rate, now).await,
        };
        matches!(taken, Some(Taken::Given(_)))
    }
}

fn key(workspace: WorkspaceId, kind: &'static str, id: ShareId) -> Key {
    Key::new(workspace, kind, [id])
}
