//! Values that are made anew when they are missing or old, and not by everybody at once.
//!
//! In front of [`Hot`] for values that are expensive to make. Of callers that miss together in one
//! process one makes the value and the others take it from there; of several processes one has the turn
//! and the others wait a moment for what it puts. Nobody waits for long, and a cache that is away costs
//! the sharing between processes and nothing else.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache as Memory;

use crate::flight::{Flights, Join};
use crate::turn::Turns;
use crate::{Hot, Key, Versioned};

/// A value is made at most once in this time, unless somebody needs a version it does not have.
const TURN: Duration = Duration::from_millis(100);
/// How long to wait for what another process is making, and how often to look. Reading cells takes a
/// few milliseconds; whoever has not put them by then is slow or dead.
const ELSEWHERE: (Duration, Duration) = (Duration::from_millis(60), Duration::from_millis(6));
/// What of the values just made is remembered here: they are what is left when the cache is away.
const RECENT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Which versions serve a caller.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// Less is of no use.
    pub at_least: i64,
    /// Less is old: it is used for the moment in which somebody makes a newer one. `None` where that is
    /// not known yet: then nothing kept is used, since nothing tells how old it is.
    pub newest: Option<i64>,
}

/// How an answer came about, as telemetry says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// It was there, or another caller made it meanwhile.
    Hit,
    /// It was not, and was made.
    Miss,
    /// The cache does not answer; the value was made here, a moment ago at most.
    Off,
}

impl Lookup {
    /// `hit`, `miss` or `off`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Off => "off",
        }
    }
}

/// [`Hot`] with one maker at a time. Cheap to clone.
#[derive(Clone)]
pub struct Cache {
    hot: Arc<dyn Hot>,
    flights: Arc<Flights>,
    turns: Arc<Turns>,
    recent: Memory<Key, Versioned>,
}

impl Cache {
    /// In front of `hot`.
    #[must_use]
    pub fn new(hot: Arc<dyn Hot>) -> Self {
        let recent = Memory::builder()
            .max_capacity(RECENT_BYTES_MAX)
            .weigher(|key: &Key, kept: &Versioned| {
                u32::try_from(key.as_str().len() + kept.value.len() + 64).unwrap_or(u32::MAX)
            })
            .time_to_live(TURN)
            .build();
        Self { hot, flights: Arc::default(), turns: Arc::new(Turns::new()), recent }
    }

    /// The value, by one maker at a time. `sound` says whether to believe what is kept: in a shared cache
    /// may lie anything. What `make` gives is kept for `ttl`, and serves its caller whatever its version.
    ///
    /// # Errors
    /// Those of `make`.
    pub async fn find_or_make<E>(
        &self,
        key: &Key,
        need: Need,
        ttl: Duration,
        sound: impl Fn(&Versioned) -> bool,
        make: impl Future<Output = Result<Versioned, E>>,
    ) -> Result<(Versioned, Lookup), E> {
        let seen = match (Question { cache: self, key, need, sound }).look().await {
            Looked::Serves(kept) => return Ok((kept, self.unless_off(Lookup::Hit))),
            Looked::Older(seen) => seen,
        };
        loop {
            match self.flights.join(key) {
                Join::Follow(flight) => {
                    // Nothing where the maker failed or went away: somebody else makes it then.
                    if let Some(made) = flight.landed().await
                        && made.version >= need.at_least
                    {
                        return Ok((made, self.unless_off(Lookup::Hit)));
                    }
                }
                Join::Lead(flight) => {
                    // Another maker may have landed between the look and here.
                    if let Some(made) = self.recent.get(key).await
                        && made.version >= need.at_least
                        && Some(made.version) > seen
                    {
                        return Ok((made, self.unless_off(Lookup::Hit)));
                    }
                    let made = make.await?;
                    self.keep(key, &made, ttl).await;
                    flight.land(made.clone());
                    return Ok((made, self.unless_off(Lookup::Miss)));
                }
            }
        }
    }

    fn unless_off(&self, lookup: Lookup) -> Lookup {
        if self.hot.is_up() { lookup } else { Lookup::Off }
    }

    /// Nobody waits for the shared cache to take it.
    async fn keep(&self, key: &Key, made: &Versioned, ttl: Duration) {
        self.recent.insert(key.clone(), made.clone()).await;
        let (hot, key, made) = (Arc::clone(&self.hot), key.clone(), made.clone());
        tokio::spawn(async move { hot.put(&key, made.version, made.value, ttl).await });
    }
}

/// What a look into the cache comes to.
enum Looked {
    /// Use it.
    Serves(Versioned),
    /// Make a newer one than this.
    Older(Option<i64>),
}

/// One caller's question.
struct Question<'c, S> {
    cache: &'c Cache,
    key: &'c Key,
    need: Need,
    sound: S,
}

impl<S: Fn(&Versioned) -> bool> Question<'_, S> {
    async fn look(&self) -> Looked {
        let kept = self.kept().await;
        let seen = kept.as_ref().map(|kept| kept.version);
        let serving = kept.filter(|kept| kept.version >= self.need.at_least);
        if serving.is_none() && seen.is_some() {
            // Somebody needs what is not there yet: to wait for a turn would be to wait for nothing.
            return Looked::Older(seen);
        }
        let newest = self.need.newest;
        match serving {
            Some(kept) if newest.is_some_and(|newest| kept.version >= newest) => {
                Looked::Serves(kept)
            }
            serving if self.has_the_turn(serving.is_none()).await => {
                Looked::Older(serving.map(|kept| kept.version))
            }
            Some(old) => Looked::Serves(old),
            None => match self.comes().await {
                Some(kept) => Looked::Serves(kept),
                None => Looked::Older(None),
            },
        }
    }

    /// By this process alone where nobody answers, and where a full Redis refuses.
    async fn has_the_turn(&self, nothing_there: bool) -> bool {
        let name = self.key.turn();
        match self.cache.hot.turn(&name, TURN).await {
            Some(given) => given,
            None => self.cache.turns.take(&name, TURN).await || nothing_there,
        }
    }

    /// The newest, of the shared cache and what was made here a moment ago.
    async fn kept(&self) -> Option<Versioned> {
        let known = self.need.newest.is_some();
        let shared = self.cache.hot.get(self.key).await.filter(|kept| known && (self.sound)(kept));
        let recent = self.cache.recent.get(self.key).await;
        [shared, recent].into_iter().flatten().max_by_key(|kept| kept.version)
    }

    /// Waits a moment for what the one whose turn it is will put, unless that is a caller of this process.
    async fn comes(&self) -> Option<Versioned> {
        let (patience, beat) = ELSEWHERE;
        let look = async {
            while !self.cache.flights.is_open(self.key) {
                #[expect(clippy::disallowed_methods, reason = "waits for another process")]
                tokio::time::sleep(beat).await;
                let kept = self.kept().await;
                if let Some(kept) = kept.filter(|kept| kept.version >= self.need.at_least) {
                    return Some(kept);
                }
            }
            None
        };
        tokio::time::timeout(patience, look).await.ok().flatten()
    }
}
