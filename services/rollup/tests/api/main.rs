//! Reports through a real channel, over a ledger that a test writes.
#![expect(clippy::unwrap_used, reason = "tests")]

mod cache;
mod corrections;
mod counting;
mod export;
mod harness;
mod replicas;
mod reports;
mod restated;
mod series;
mod shares;
mod speed;
mod watch;
