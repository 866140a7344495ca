//! The one road from an error to a gRPC status.
//!
//! A [`Fault`] has two audiences. The caller reads a code, a sentence and machine-readable details; the
//! log reads those and the cause. The cause is written once, where the fault becomes a status, and is
//! never sent: `Fault` has no `Display` that could join the two.
//!
//! This crate knows no database and no service: each of them maps its own errors, exhaustively, with
//! `impl From<store::Error> for Fault` or one `match`.
#![warn(missing_docs)]

mod chain;
mod code;
mod fault;
mod refusal;
mod render;
mod violations;

pub use chain::chain;
pub use code::Code;
pub use fault::{Fault, Metadata};
pub use render::{DOMAIN, reason_of};
pub use violations::{Violation, Violations};
pub use wire::common::v1::ErrorReason;

/// What fallible use cases and handlers return.
pub type Result<T, E = Fault> = std::result::Result<T, E>;
