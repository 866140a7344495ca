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

/// Retries that may stand in line for the places of one endpoint: enough that taking them from the
/// store, which costs a transaction, is done for many at a time.
const LINE: usize = 64;

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
    bell: Arc<Bell>,
}

/// Rings when there is room again that somebody wanted.
#[derive(Debug, Default)]
struct Bell {
    wanted: AtomicBool,
    rung: Notify,
}

impl Bell {
    fn ring(&self) {
        if self.wanted.swap(false, Ordering::AcqRel) {
            self.rung.notify_one();
        }
    }
}

/// One endpoint's.
#[derive(Debug)]
pub(crate) struct Lane {
    places: usize,
    free: Arc<Semaphore>,
    line: Arc<Semaphore>,
    pace: AtomicU8,
}

/// The right to send; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    lane: Arc<Lane>,
    held: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
    /// The lane was silent when it was taken.
    probing: bool,
    bell: Arc<Bell>,
}

/// A retry's right to a place, now or when its turn comes.
#[derive(Debug)]
pub(crate) enum Turn {
    Now(Place),
    InLine(Ticket),
}

/// A position in the line of a lane.
#[derive(Debug)]
pub(crate) struct Ticket {
    lane: Arc<Lane>,
    held: Option<OwnedSemaphorePermit>,
    bell: Arc<Bell>,
}

impl Lanes {
    /// `places` for each endpoint, `all` for all of them together.
    pub(crate) fn new(places: usize, all: usize) -> Self {
        Self {
            lanes: Mutex::default(),
            places,
            all: Arc::new(Semaphore::new(all)),
            bell: Arc::default(),
        }
    }

    /// The endpoint's lane.
    pub(crate) fn lane(&self, endpoint: EndpointId) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(endpoint).or_insert_with(|| Arc::new(Lane::new(self.places))))
    }

    /// Takes a place at once, or not at all.
    pub(crate) fn try_enter(&self, lane: &Arc<Lane>) -> Option<Place> {
        if lane.room() == 0 {
            return None;
        }
        let own = Arc::clone(&lane.free).try_acquire_owned().ok()?;
        let all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(self.place(lane, (own, all)))
    }

    /// Waits for a place.
    pub(crate) async fn enter(&self, lane: &Arc<Lane>) -> Place {
        // The lane first: whoever waits in a full lane must not hold what others could use.
        let own = Arc::clone(&lane.free).acquire_owned().await.expect("lanes are never closed");
        let all = Arc::clone(&self.all).acquire_owned().await.expect("lanes are never closed");
        self.place(lane, (own, all))
    }

    /// Books a retry. With a silent endpoint nobody stands in line: what is taken from the store is
    /// sent at once, or stays there.
    pub(crate) fn book(&self, lane: &Arc<Lane>) -> Option<Turn> {
        if lane.pace() == Pace::Silent {
            return self.try_enter(lane).map(Turn::Now);
        }
        let held = Some(Arc::clone(&lane.line).try_acquire_owned().ok()?);
        Some(Turn::InLine(Ticket { lane: Arc::clone(lane), held, bell: Arc::clone(&self.bell) }))
    }

    /// Waits until it is the turn of what was booked.
    pub(crate) async fn called(&self, turn: Turn) -> Place {
        match turn {
            Turn::Now(place) => place,
            Turn::InLine(ticket) => self.enter(&ticket.lane).await,
        }
    }

    /// Asks for [`Lanes::freed`] to be told when booking may work again.
    pub(crate) fn want(&self) {
        self.bell.wanted.store(true, Ordering::Release);
    }

    /// Resolves when there is room that somebody wanted.
    pub(crate) async fn freed(&self) {
        self.bell.rung.notified().await;
    }

    fn place(&self, lane: &Arc<Lane>, held: (OwnedSemaphorePermit, OwnedSemaphorePermit)) -> Place {
        let probing = lane.pace() == Pace::Silent;
        Place { lane: Arc::clone(lane), held: Some(held), probing, bell: Arc::clone(&self.bell) }
    }
}

impl Lane {
    fn new(places: usize) -> Self {
        Self {
            places,
            free: Arc::new(Semaphore::new(places)),
            line: Arc::new(Semaphore::new(LINE)),
            pace: AtomicU8::new(Pace::Prompt as u8),
        }
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
    fn room(&self) -> usize {
        let free = self.free.available_permits();
        match self.pace() {
            Pace::Prompt | Pace::Slow => free,
            Pace::Silent => SILENT_PLACES.saturating_sub(self.places - free).min(free),
        }
    }

    /// How many retries [`Lanes::book`] would take now.
    pub(crate) fn bookable(&self) -> usize {
        match self.pace() {
            Pace::Prompt | Pace::Slow => self.line.available_permits(),
            Pace::Silent => self.room(),
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
        self.held.take();
        // Places of the others are waited for in line.
        if self.probing || self.lane.pace() == Pace::Silent {
            self.bell.ring();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.held.take();
        // Half a line at a time: the store is asked for many, or not at all.
        if self.lane.line.available_permits() >= LINE / 2 {
            self.bell.ring();
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
        assert!(lanes.try_enter(&two).is_some());
        drop(held);
        assert!(lanes.try_enter(&one).is_some());
    }

    #[test]
    fn a_silent_endpoint_keeps_two_places_until_it_answers() {
        let lanes = Lanes::new(32, 100);
        let lane = lanes.lane(id(1));
        lane.dawdles();
        assert_eq!((lane.pace(), lane.room()), (Pace::Silent, 2));
        let held: Vec<Turn> = (0..3).filter_map(|_| lanes.book(&lane)).collect();
        assert_eq!(held.len(), 2, "and no line");
        assert_eq!(lane.bookable(), 0);
        lane.answered(Verdict::Delivered, false);
        assert_eq!((lane.pace(), lane.room()), (Pace::Slow, 30));
        assert_eq!(lane.bookable(), LINE);
        lane.dawdles();
        assert_eq!(lane.pace(), Pace::Slow, "nobody waited for it");
        lane.answered(Verdict::TimedOut, false);
        assert_eq!(lane.pace(), Pace::Silent);
        lane.answered(Verdict::Refused, true);
        assert_eq!(lane.pace(), Pace::Prompt);
    }

    #[test]
    fn all_lanes_together_have_a_limit() {
        let lanes = Lanes::new(2, 3);
        let held: Vec<Place> =
            (1..=4).filter_map(|n| lanes.try_enter(&lanes.lane(id(n)))).collect();
        assert_eq!(held.len(), 3);
    }

    #[tokio::test]
    async fn the_bell_rings_when_half_a_line_is_through() {
        let lanes = Lanes::new(1, 10);
        let lane = lanes.lane(id(1));
        let line: Vec<Turn> = std::iter::from_fn(|| lanes.book(&lane)).collect();
        assert_eq!(line.len(), LINE);
        assert_eq!(lane.bookable(), 0);
        lanes.want();
        for turn in line.into_iter().take(LINE / 2) {
            assert!(lanes.bell.wanted.load(Ordering::Acquire));
            drop(lanes.called(turn).await);
        }
        lanes.freed().await;
    }
}
