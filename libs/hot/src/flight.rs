//! Callers of one process that want the same value at the same time: the first makes it, the others get
//! what it made.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::{Key, Versioned};

type Landing = watch::Sender<Option<Versioned>>;

/// What is being made right now.
#[derive(Default)]
pub(crate) struct Flights {
    under_way: Mutex<HashMap<Key, watch::Receiver<Option<Versioned>>>>,
}

/// A caller's part in it.
pub(crate) enum Join {
    /// It makes the value.
    Lead(Lead),
    /// It waits for who does.
    Follow(Follow),
}

impl Flights {
    pub(crate) fn join(self: &Arc<Self>, key: &Key) -> Join {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        match under_way.entry(key.clone()) {
            Entry::Occupied(there) => Join::Follow(Follow(there.get().clone())),
            Entry::Vacant(place) => {
                let (landing, landed) = watch::channel(None);
                place.insert(landed);
                Join::Lead(Lead { flights: Arc::clone(self), key: key.clone(), landing })
            }
        }
    }

    /// Whether somebody makes it in this process.
    pub(crate) fn is_open(&self, key: &Key) -> bool {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }
}

/// Ends when dropped: a maker that fails, or whose caller went away, leaves the place to the next.
pub(crate) struct Lead {
    flights: Arc<Flights>,
    key: Key,
    landing: Landing,
}

impl Lead {
    /// Hands the value to all who follow.
    pub(crate) fn land(self, made: Versioned) {
        self.landing.send_replace(Some(made));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.remove(&self.key);
    }
}

pub(crate) struct Follow(watch::Receiver<Option<Versioned>>);

impl Follow {
    /// What the maker made. `None` when it made nothing.
    pub(crate) async fn landed(mut self) -> Option<Versioned> {
        let made = self.0.wait_for(Option::is_some).await;
        made.ok().and_then(|made| made.clone())
    }
}
