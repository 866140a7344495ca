//! How much may wait for a commit, in calls and in bytes, and who leaves room to whom.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{Refused, WhenFull};

/// What may wait for a commit, in KiB of records: a second's work.
pub(super) const WAITING_KIB_MAX: usize = 16 * 1024;

/// What may wait at once.
#[derive(Clone)]
pub(super) struct Waiting {
    all: Share,
    /// What of it those may take who wait for room. They stand in line for it, so without a share of their
    /// own they would leave none to those who do not wait.
    patient: Share,
}

/// A place among those who wait; given back when dropped.
pub(super) struct Room {
    _of_all: Held,
    _of_the_patient: Option<Held>,
}

impl Waiting {
    pub(super) fn new(calls: usize) -> Self {
        let all = Share::new(calls.max(1), WAITING_KIB_MAX);
        let patient = Share::new((calls / 2).max(1), WAITING_KIB_MAX / 2);
        Self { all, patient }
    }

    /// Room for a call with so many bytes.
    pub(super) async fn room(&self, bytes: usize, full: WhenFull<'_>) -> Result<Room, Refused> {
        let kib = bytes / 1024 + 1;
        match full {
            WhenFull::Refuse => Ok(Room { _of_all: self.all.now(kib)?, _of_the_patient: None }),
            WhenFull::Wait { stop } => {
                // More than their share would be waited for for ever.
                let kib = kib.min(self.patient.kib_max);
                let in_time = async {
                    let _of_the_patient = Some(self.patient.in_time(kib).await?);
                    Ok(Room { _of_all: self.all.in_time(kib).await?, _of_the_patient })
                };
                unless_stopped(stop, in_time).await
            }
        }
    }
}

async fn unless_stopped(
    stop: &CancellationToken,
    room: impl Future<Output = Result<Room, Refused>>,
) -> Result<Room, Refused> {
    tokio::select! {
        // Room that is there is taken, whether the service stops or not.
        biased;
        room = room => room,
        () = stop.cancelled() => Err(Refused::Stopping),
    }
}

#[derive(Clone)]
struct Share {
    calls: Arc<Semaphore>,
    kib: Arc<Semaphore>,
    kib_max: usize,
}

struct Held {
    _call: OwnedSemaphorePermit,
    _kib: OwnedSemaphorePermit,
}

impl Share {
    fn new(calls: usize, kib: usize) -> Self {
        let calls = Arc::new(Semaphore::new(calls.min(Semaphore::MAX_PERMITS)));
        Self { calls, kib: Arc::new(Semaphore::new(kib)), kib_max: kib }
    }

    fn now(&self, kib: usize) -> Result<Held, Refused> {
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        let _call = Arc::clone(&self.calls).try_acquire_owned();
        let _kib = Arc::clone(&self.kib).try_acquire_many_owned(kib);
        match (_call, _kib) {
            (Ok(_call), Ok(_kib)) => Ok(Held { _call, _kib }),
            _ => Err(Refused::Overloaded),
        }
    }

    async fn in_time(&self, kib: usize) -> Result<Held, Refused> {
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        let ended = |_| Refused::Stopping;
        let _call = Arc::clone(&self.calls).acquire_owned().await.map_err(ended)?;
        let _kib = Arc::clone(&self.kib).acquire_many_owned(kib).await.map_err(ended)?;
        Ok(Held { _call, _kib })
    }
}
