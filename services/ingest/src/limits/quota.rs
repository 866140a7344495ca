//! Events a month: accounts of the workspaces that have a quota.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::{Clock, Timestamp, WorkspaceId};

use crate::domain::quota::{Account, Exceeded, Verdict};
use crate::domain::{Allowance, Month};
use crate::store::UsageStore;

/// How long a count is believed: what other replicas took in is known after this, and the time it takes
/// to be counted.
const COUNT_TTL: Duration = Duration::from_millis(400);
/// Accounts kept: past it the map starts anew, from what is counted.
const ACCOUNTS_MAX: usize = 10_000;

pub(crate) struct Quotas {
    store: UsageStore,
    clock: Arc<dyn Clock>,
    accounts: Mutex<HashMap<WorkspaceId, Arc<Shared>>>,
}

struct Shared {
    account: Mutex<Account>,
    /// When the count was read. One call reads it, the others wait for it.
    read: tokio::sync::Mutex<Option<Timestamp>>,
}

/// Why events were not let in.
pub(crate) enum Refused {
    Exceeded(Exceeded),
    Storage(db::Error),
}

/// Events on their way in. Dropped unsettled, because the call went away, it takes them out again: what
/// became of them is counted in the ledger.
pub(crate) struct Reservation {
    shared: Arc<Shared>,
    events: u64,
    past_soft: bool,
}

impl Quotas {
    pub(crate) fn new(store: UsageStore, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, accounts: Mutex::default() }
    }

    pub(crate) async fn reserve(
        &self,
        workspace: WorkspaceId,
        events: u64,
        allowance: Allowance,
    ) -> Result<Reservation, Refused> {
        let shared = self.shared(workspace);
        self.refresh(workspace, &shared).await.map_err(Refused::Storage)?;
        let verdict = shared.account().let_in(events, allowance);
        match verdict {
            Verdict::Exceeded(exceeded) => Err(Refused::Exceeded(exceeded)),
            Verdict::Fine => Ok(Reservation { shared, events, past_soft: false }),
            Verdict::PastSoft => Ok(Reservation { shared, events, past_soft: true }),
        }
    }

    async fn refresh(&self, workspace: WorkspaceId, shared: &Shared) -> Result<(), db::Error> {
        let now = self.clock.now();
        let month = Month::of(now);
        let mut read = shared.read.lock().await;
        let fresh = |at: Timestamp| now < at.plus(COUNT_TTL);
        if read.is_some_and(fresh) && shared.account().month() == month {
            return Ok(());
        }
        let (events, to) = Box::pin(self.store.used(workspace, month)).await?;
        shared.account().counted(month, events, to);
        *read = Some(now);
        Ok(())
    }

    fn shared(&self, workspace: WorkspaceId) -> Arc<Shared> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= ACCOUNTS_MAX && !accounts.contains_key(&workspace) {
            accounts.clear();
        }
        let new = || {
            let account = Mutex::new(Account::new(Month::of(self.clock.now())));
            Arc::new(Shared { account, read: tokio::sync::Mutex::default() })
        };
        Arc::clone(accounts.entry(workspace).or_insert_with(new))
    }
}

impl Shared {
    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// `new` of the events became entries, the last at `seq`. Says whether they went past the soft quota.
    pub(crate) fn settle(mut self, new: u64, seq: i64) -> bool {
        self.shared.account().land(self.events, new, seq);
        self.events = 0;
        self.past_soft
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shared.account().land(self.events, 0, 0);
    }
}
