//! The words every context shares, pure: no async, no I/O, no clock of its own.
//!
//! Values are parsed where they enter and cannot be wrong afterwards; time and randomness come in as
//! arguments through [`Clock`] and [`IdSource`].
#![deny(missing_docs)]

pub mod base32;
mod clock;
mod dated;
pub mod decimal;
mod event_id;
mod hex;
mod ids;
mod money;
mod nearest;
mod outcome;
mod position;
mod savings;
mod timestamp;
mod trace_context;
mod window;
mod workspace;
mod zone;

pub use clock::Clock;
pub use dated::Dated;
pub use event_id::EventId;
pub use hex::hex;
pub use ids::IdSource;
pub use money::{Currency, Exact, Money};
pub use nearest::nearest;
pub use outcome::Outcome;
pub use position::{PARTITIONS, Partition, Position};
pub use savings::{Effort, SavingsPolicy, credit};
pub use timestamp::Timestamp;
pub use trace_context::TraceContext;
pub use window::Window;
pub use workspace::WorkspaceId;
pub use zone::{zone, zone_name};

/// A text that is not the value it should be; the message says what a right one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sent:?} is not {expected}")]
pub struct Malformed {
    expected: &'static str,
    sent: String,
}

impl Malformed {
    /// Says what was expected, and shows the beginning of what was sent.
    pub fn new(expected: &'static str, sent: &str) -> Self {
        Self { expected, sent: sent.chars().take(64).collect() }
    }
}
