//! What a workspace may use: events a second, events a month, values a dimension.
//!
//! The first two decide whether events are let in, and are asked once for all events of a call. The
//! third decides nothing: it says under which name an event is counted.

pub(crate) mod dimensions;
mod quota;
mod rate;
pub(crate) mod tallies;
pub(crate) mod usage;

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use db::Db;
use fault::{ErrorReason, Fault};
use hot::Hot;
use kernel::{Clock, WorkspaceId};

use crate::app::App;
use crate::domain::dimensions::Values;
use crate::domain::quota::Exceeded;
use crate::domain::{Allowance, Dimension, Fingerprint, limits};
use crate::limits::dimensions::DimensionValues;
use crate::limits::quota::{Quotas, Refused, Reservation};
use crate::limits::rate::RateLimiter;
use crate::store::{Appended, DimensionStore, LedgerWriter, NewEntry, UsageStore};

/// The limits of all workspaces, as this replica keeps them.
pub(crate) struct Limits {
    /// What a workspace has that says nothing itself.
    pub(crate) install: Allowance,
    ledger: LedgerWriter,
    rate: RateLimiter,
    quotas: Quotas,
    values: Arc<DimensionValues>,
}

/// Who has events recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorder {
    /// Who called, within the limits of the workspace.
    Caller,
    /// The guard, which records its denials: no rate holds them back and no month is used up. A caller in
    /// a loop would else be the one whose denials are missing in reports.
    Guard,
}

/// Leave to append the events of one call.
pub(crate) struct Admitted {
    reservation: Option<Reservation>,
    /// Which of them use nothing up, by their place.
    free: BTreeSet<usize>,
    /// The values of the workspace's dimensions, and how many there may be. `None`: any number.
    values: Option<(Arc<RwLock<Values>>, u32)>,
    /// The last value asked for of each dimension, and the answer: neighbours share most of theirs, and a
    /// digest costs more than a comparison (4 % of a batch of 500).
    last: [Option<(String, bool)>; Dimension::ALL.len()],
}

impl Limits {
    pub(crate) fn new(
        install: Allowance,
        db: &Db,
        ledger: LedgerWriter,
        shared: Arc<dyn Hot>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, hot::AddressError> {
        Ok(Self {
            install,
            ledger,
            // Without Redis each replica limits what comes to it.
            rate: RateLimiter::new(shared, hot::open(None)?, Arc::clone(clock)),
            quotas: Quotas::new(UsageStore(db.clone()), Arc::clone(clock)),
            values: Arc::new(DimensionValues::new(DimensionStore(db.clone()))),
        })
    }

    async fn admit(
        &self,
        workspace: WorkspaceId,
        entries: &[NewEntry],
        recorder: Recorder,
        allowance: Allowance,
    ) -> Result<Admitted, Fault> {
        if let (Some(rate), Recorder::Caller) = (allowance.rate(), recorder) {
            let events = u32::try_from(entries.len()).unwrap_or(u32::MAX);
            let admitted = self.rate.admit(workspace, events, rate).await;
            admitted.map_err(|wait| too_fast(rate.per_second, entries.len(), wait))?;
        }
        // Corrections are let in always: an account that is used up must not keep what is wrong in reports.
        let is_free = |entry: &NewEntry| entry.kind == limits::CALL_DENIED;
        let asked = |entry: &&NewEntry| !limits::is_correction(entry.kind) && !is_free(entry);
        let events = entries.iter().filter(asked).count() as u64;
        let free = entries.iter().enumerate().filter(|(_, entry)| is_free(entry));
        let free = free.map(|(place, _)| place).collect();
        let reservation = if allowance.has_quota() && events > 0 {
            match self.quotas.reserve(workspace, events, allowance).await {
                Ok(reservation) => Some(reservation),
                Err(Refused::Storage(error)) => return Err(storage(error)),
                // What stands already is answered as ever: the sender does not know that it does.
                Err(Refused::Exceeded(_)) if self.all_stand(workspace, entries).await? => None,
                Err(Refused::Exceeded(exceeded)) => return Err(used_up(exceeded, events)),
            }
        } else {
            None
        };
        let values = match allowance.dimension_values {
            0 => None,
            max => Some((self.values.of(workspace).await.map_err(storage)?, max)),
        };
        Ok(Admitted { reservation, free, values, last: Default::default() })
    }

    async fn all_stand(&self, workspace: WorkspaceId, entries: &[NewEntry]) -> Result<bool, Fault> {
        let keys: Option<BTreeSet<Fingerprint>> = entries.iter().map(|e| e.key_hash).collect();
        match keys {
            None => Ok(false),
            Some(keys) => Box::pin(self.ledger.all_stand(workspace, keys)).await.map_err(storage),
        }
    }
}

impl App {
    /// Lets the entries of one call in, all or none. Whatever can be wrong with them by themselves has
    /// been said before: who is told to come later can come with the same.
    pub(crate) async fn admit(
        &self,
        entries: &[NewEntry],
        recorder: Recorder,
    ) -> Result<Admitted, Fault> {
        let Some(workspace) = entries.first().map(|entry| entry.workspace) else {
            return Ok(Admitted {
                reservation: None,
                free: BTreeSet::new(),
                values: None,
                last: Default::default(),
            });
        };
        let settings = self.settings(workspace).await?;
        self.limits.admit(workspace, entries, recorder, settings.allowance).await
    }
}

impl Admitted {
    /// Whether reports count `value` under its own name.
    pub(crate) fn has_name(&mut self, dimension: Dimension, value: &str) -> bool {
        let Some((values, max)) = &self.values else { return true };
        let last = &mut self.last[dimension.place()];
        match last {
            Some((text, named)) if text == value => *named,
            _ => {
                let named = dimensions::has_name(values, dimension, value, *max);
                *last = Some((value.to_owned(), named));
                named
            }
        }
    }

    /// Settles the account with what became of the entries.
    pub(crate) fn settle(self, answers: &[Appended]) -> PastSoft {
        let Some(reservation) = self.reservation else { return PastSoft(false) };
        let new = answers.iter().enumerate().filter_map(|(place, answer)| match answer {
            Appended::New { position, .. } => (!self.free.contains(&place)).then_some(position.seq),
            Appended::Duplicate { .. } | Appended::Conflict { .. } => None,
        });
        let (events, last) = new.fold((0, 0), |(events, last), seq| (events + 1, seq.max(last)));
        PastSoft(reservation.settle(events, last))
    }
}

/// Whether the events went past the soft quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PastSoft(pub(crate) bool);

fn too_fast(per_second: u32, events: usize, wait: Duration) -> Fault {
    let what = format!(
        "the workspace may track {per_second} events a second, and these {events} come too early: \
         nothing was written; send them again after the delay"
    );
    Fault::exhausted(ErrorReason::RateLimited, what)
        .with("limit_per_second", per_second)
        .retry_after(wait)
}

fn used_up(Exceeded { quota, used, resets }: Exceeded, events: u64) -> Fault {
    let what = format!(
        "the workspace has used {used} of the {quota} events it may track this month (UTC), and {events} more \
         would exceed that: nothing was written. The next month begins at {resets}; an admin can raise the quota"
    );
    Fault::exhausted(ErrorReason::QuotaExceeded, what)
        .with("quota", quota)
        .with("used", used)
        .with("resets", resets)
}

fn storage(error: db::Error) -> Fault {
    if error.is_retryable() {
        Fault::storage_unavailable().because(error)
    } else {
        Fault::internal("the limits of the workspace could not be checked").because(error)
    }
}
