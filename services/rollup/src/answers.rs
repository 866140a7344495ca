//! Finished answers in the shared cache, versioned by the position they reflect, made by one caller at a
//! time.
//!
//! An answer is served only when it reflects at least what this reader has seen and was asked for, and
//! says so itself; anything else, a dead cache included, is made anew. Losing them costs time, never
//! truth.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chassis::attr;
use fault::Fault;
use hot::{Cache, Hot, Key, Lookup, Need, Versioned};
use kernel::{Position, WorkspaceId};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use prost::Message;
use sha2::{Digest as _, Sha256};

/// A rolling window moves every quarter hour; an answer about the one before is never asked for again.
const KEPT: Duration = Duration::from_secs(15 * 60);

/// Grows when the same question gets another answer within a release.
const EDITION: &str = "3";

/// An answer that states its position.
pub(crate) trait Stamped: Message + Default {
    /// Its freshness token.
    fn as_of(&self) -> &str;
}

/// An answer that was just made.
pub(crate) struct Made<A> {
    pub(crate) answer: A,
    pub(crate) as_of: Position,
    /// Whether it is the answer to its key, for others too.
    pub(crate) is_kept: bool,
}

/// Why nothing came to lie in the cache.
enum Unkept<A> {
    Answer(A, Position),
    Fault(Fault),
}

/// The cache as reports use it.
#[derive(Clone)]
pub(crate) struct Answers {
    cache: Cache,
    lookups: Counter<u64>,
}

impl Answers {
    /// Made when the service starts: an instrument made before telemetry stays silent.
    pub(crate) fn new(hot: Arc<dyn Hot>) -> Self {
        let lookups = chassis::metrics::meter()
            .u64_counter(attr::CACHE_LOOKUPS)
            .with_description("Answers looked for in the cache, by what came of it.")
            .build();
        Self { cache: Cache::new(hot), lookups }
    }

    /// The answer that is kept, or the one that `make` gives, with the position it reflects.
    ///
    /// # Errors
    /// Those of `make`.
    pub(crate) async fn find_or_make<A: Stamped>(
        &self,
        key: &Key,
        need: Need,
        make: impl Future<Output = Result<Made<A>, Fault>>,
    ) -> Result<(A, Position), Fault> {
        let make = async {
            let Made { answer, as_of, is_kept } = make.await.map_err(Unkept::Fault)?;
            if !is_kept {
                return Err(Unkept::Answer(answer, as_of));
            }
            let value = Bytes::from(answer.encode_to_vec());
            Ok(Versioned { version: as_of.seq, value })
        };
        let sound = |kept: &Versioned| read::<A>(kept).is_some();
        match self.cache.find_or_make(key, need, KEPT, sound, make).await {
            Ok((found, lookup)) => {
                self.told(lookup);
                let lost = || Fault::internal("the report does not say what it reflects");
                read(&found).ok_or_else(lost)
            }
            Err(Unkept::Answer(answer, as_of)) => {
                self.told(Lookup::Miss);
                Ok((answer, as_of))
            }
            Err(Unkept::Fault(fault)) => Err(fault),
        }
    }

    fn told(&self, lookup: Lookup) {
        let result = lookup.as_str();
        self.lookups.add(1, &[KeyValue::new(attr::CACHE_RESULT, result)]);
        chassis::trace::note_current(attr::CACHE_RESULT, result);
    }
}

/// What lies under a key, if it is an answer: one that names the version it is filed under.
fn read<A: Stamped>(kept: &Versioned) -> Option<(A, Position)> {
    let answer = A::decode(kept.value.clone()).ok()?;
    let stated: Position = answer.as_of().parse().ok()?;
    (stated.seq == kept.version).then_some((answer, stated))
}

/// The name of an answer. `question` is everything the answer depends on; another release may answer
/// it otherwise, so that the version is part of the name.
pub(crate) fn key(workspace: WorkspaceId, report: &'static str, question: &str) -> Key {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update([0]);
    hash.update(EDITION);
    hash.update([0]);
    hash.update(question);
    let digest: String = hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    Key::new(workspace, report, [digest])
}
