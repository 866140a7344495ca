//! Reports through a real channel, over a ledger that a test writes.
#![expect(clippy::unwrap_used, reason = "tests")]

mod cache;
mod harness;
mod reports;
mod speed;
