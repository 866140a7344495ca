//! Finished answers in the shared cache, versioned by the position they reflect.
//!
//! An answer is served only when it reflects at least what this reader has seen and was asked for, and
//! says so itself; anything else, a dead cache included, is a miss. Losing them costs time, never truth.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hot::{Hot, Key};
use kernel::{Position, WorkspaceId};
use prost::Message;
use sha2::{Digest as _, Sha256};

/// A rolling window moves every quarter hour; an answer about the one before is never asked for again.
const KEPT: Duration = Duration::from_secs(15 * 60);

/// Grows when the same question gets another answer within a release.
const EDITION: &str = "2";

/// An answer that states its position.
pub(crate) trait Stamped: Message + Default {
    /// Its freshness token.
    fn as_of(&self) -> &str;
}

/// The cache as reports use it.
#[derive(Clone)]
pub(crate) struct Answers {
    hot: Arc<dyn Hot>,
}

impl Answers {
    pub(crate) fn new(hot: Arc<dyn Hot>) -> Self {
        Self { hot }
    }

    /// The answer, if one is kept that reflects `floor` or more, with the position it reflects.
    pub(crate) async fn find<A: Stamped>(&self, key: &Key, floor: i64) -> Option<(A, Position)> {
        let kept = self.hot.get(key).await?;
        if kept.version < floor {
            return None;
        }
        let answer = A::decode(kept.value).ok()?;
        // Whatever else lies under this key does not name the version it is filed under.
        let stated: Position = answer.as_of().parse().ok()?;
        (stated.seq == kept.version).then_some((answer, stated))
    }

    /// Keeps an answer. A newer one that is there stays.
    pub(crate) async fn keep<A: Stamped>(&self, key: &Key, as_of: Position, answer: &A) {
        let value = Bytes::from(answer.encode_to_vec());
        self.hot.put(key, as_of.seq, value, KEPT).await;
    }
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
