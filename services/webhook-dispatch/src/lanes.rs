//! How much each endpoint may have under way, so that a slow one is slow for itself only.
//!
//! Every endpoint has a lane of its own with a few places. One that answers promptly is waited for a
//! moment when a batch is written; one that does not is only sent to, and its answers are written when
//! they come; one that stays silent keeps two places, to find out when it is back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::domain::{EndpointId, Verdict};

/// Places of a silent endpoint.
const SILENT_PLACES: usize = 2;

/// What its last answers say about an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Answers within the patience of a batch, as far as is known.
    Prompt,
    /// Answers, but takes its time.
    Slow,
    /// Has not answered since a batch waited for it in vain, or an attempt ran out of time.
    Silent,
}

/// All lanes of this process.
pub(crate) struct Lanes {
    lanes: Mutex<HashMap<EndpointId, Arc<Lane>>>,
    places: usize,
    all: Arc<Semaphore>,
    /// Somebody found no free place and wants to be told of one.
    wanted: Arc<AtomicBool>,
    freed: Arc<Notify>,
}

/// One endpoint's.
#[derive(Debug)]
pub(crate) struct Lane {
    places: usize,
    free: Arc<Semaphore>,
    pace: AtomicU8,
}

/// A place taken; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _lane: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
    wanted: Arc<AtomicBool>,
    freed: Arc<Notify>,
}

impl Lanes {
    /// `places` for each endpoint, `all` for all of them together.
    pub(crate) fn new(places: usize, all: usize) -> Self {
        Self {
            lanes: Mutex::default(),
            places,
            all: Arc::new(Semaphore::new(all)),
            wanted: Arc::default(),
            freed: Arc::default(),
        }
    }

    /// The endpoint's lane.
    pub(crate) fn lane(&self, endpoint: EndpointId) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(endpoint).or_insert_with(|| Arc::new(Lane::new(self.places))))
    }

    /// Endpoints without a free place.
    pub(crate) fn full(&self) -> Vec<EndpointId> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.iter().filter(|(_, lane)| lane.room() == 0).map(|(id, _)| *id).collect()
    }

    /// Takes a place at once, or not at all.
    pub(crate) fn try_enter(&self, lane: &Lane) -> Option<Place> {
        if lane.room() == 0 {
            return None;
        }
        let all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let own = Arc::clone(&lane.free).try_acquire_owned().ok()?;
        Some(self.place(own, all))
    }

    /// Waits for a place.
    pub(crate) async fn enter(&self, lane: &Lane) -> Place {
        // The lane first: whoever waits in a full lane must not hold what others could use.
        let own = Arc::clone(&lane.free).acquire_owned().await.expect("lanes are never closed");
        let all = Arc::clone(&self.all).acquire_owned().await.expect("lanes are never closed");
        self.place(own, all)
    }

    /// Asks for [`Lanes::freed`] to be told of the next place given back.
    pub(crate) fn want(&self) {
        self.wanted.store(true, Ordering::Release);
    }

    /// Resolves when a place that somebody wanted is free.
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }

    fn place(&self, lane: OwnedSemaphorePermit, all: OwnedSemaphorePermit) -> Place {
        let (wanted, freed) = (Arc::clone(&self.wanted), Arc::clone(&self.freed));
        Place { _lane: lane, _all: all, wanted, freed }
    }
}

impl Lane {
    fn new(places: usize) -> Self {
        let free = Arc::new(Semaphore::new(places));
        Self { places, free, pace: AtomicU8::new(Pace::Prompt as u8) }
    }

    /// How it has been answering.
    pub(crate) fn pace(&self) -> Pace {
        match self.pace.load(Ordering::Relaxed) {
            0 => Pace::Prompt,
            1 => Pace::Slow,
            _ => Pace::Silent,
        }
    }

    /// Free places, as far as its pace leaves it any.
    pub(crate) fn room(&self) -> usize {
        let free = self.free.available_permits();
        match self.pace() {
            Pace::Prompt | Pace::Slow => free,
            Pace::Silent => SILENT_PLACES.saturating_sub(self.places - free),
        }
    }

    /// Takes note of an answer; `prompt` when it came within the patience of a batch.
    pub(crate) fn answered(&self, verdict: Verdict, prompt: bool) {
        let pace = match verdict {
            Verdict::TimedOut => Pace::Silent,
            _ if prompt => Pace::Prompt,
            _ => Pace::Slow,
        };
        self.pace.store(pace as u8, Ordering::Relaxed);
    }

    /// Takes note that no answer came while a batch could wait.
    pub(crate) fn dawdles(&self) {
        let (prompt, silent) = (Pace::Prompt as u8, Pace::Silent as u8);
        // Should an answer come after all, it is slow and no longer silent.
        let _ = self.pace.compare_exchange(prompt, silent, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.wanted.swap(false, Ordering::AcqRel) {
            self.freed.notify_one();
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn id(number: i64) -> EndpointId {
        EndpointId::new(number).unwrap()
    }

    #[test]
    fn a_full_lane_leaves_the_others_their_places() {
        let lanes = Lanes::new(2, 10);
        let (one, two) = (lanes.lane(id(1)), lanes.lane(id(2)));
        let held = [lanes.try_enter(&one).unwrap(), lanes.try_enter(&one).unwrap()];
        assert!(lanes.try_enter(&one).is_none());
        assert_eq!(lanes.full(), [id(1)]);
        assert!(lanes.try_enter(&two).is_some());
        drop(held);
        assert_eq!(lanes.full(), []);
    }

    #[test]
    fn a_silent_endpoint_keeps_two_places_until_it_answers() {
        let lanes = Lanes::new(32, 100);
        let lane = lanes.lane(id(1));
        lane.dawdles();
        assert_eq!((lane.pace(), lane.room()), (Pace::Silent, 2));
        lane.answered(Verdict::Delivered, false);
        assert_eq!((lane.pace(), lane.room()), (Pace::Slow, 32));
        lane.dawdles();
        assert_eq!(lane.pace(), Pace::Slow, "nobody waited for it");
        lane.answered(Verdict::TimedOut, false);
        assert_eq!(lane.pace(), Pace::Silent);
        lane.answered(Verdict::Refused, true);
        assert_eq!((lane.pace(), lane.room()), (Pace::Prompt, 32));
    }

    #[test]
    fn all_lanes_together_have_a_limit() {
        let lanes = Lanes::new(2, 3);
        let held: Vec<Place> =
            (1..=4).filter_map(|n| lanes.try_enter(&lanes.lane(id(n)))).collect();
        assert_eq!(held.len(), 3);
    }

    #[tokio::test]
    async fn whoever_found_no_place_is_told_of_one() {
        let lanes = Lanes::new(1, 10);
        let place = lanes.enter(&lanes.lane(id(1))).await;
        lanes.want();
        drop(place);
        lanes.freed().await;
    }
}
