//! The demo: a month of a support team, replayed through the same API everybody calls.
//!
//! Nothing is computed here: the report is what rollup answers.

mod receiver;
mod replay;
mod seed;
mod setup;

pub(crate) use receiver::Receiver;
pub(crate) use replay::{Replayed, replay};
pub(crate) use seed::{FAILING_AGENT, FAILURES, Month, TRIAGE_AGENT};
pub(crate) use setup::{Stage, prepare};
