//! What this machine can do: drivers and yardsticks behind `tally bench`.
//!
//! Speeds are compared within one run, on one machine, against something simple that does not change: a
//! call that does nothing, an insert that does nothing else, the same question to a small ledger.

mod echo;
mod events;
mod fill;
mod freshness;
mod insert;
mod lines;
mod load;
mod overload;
mod pace;
pub(crate) mod query;
mod report;
mod stand;
mod steps;
mod target;

pub(crate) use echo::Echo;
pub(crate) use events::Events;
pub(crate) use fill::{Fill, batches_in_flight, send};
pub(crate) use freshness::freshness;
pub(crate) use insert::Inserts;
pub(crate) use lines::Lines;
pub(crate) use load::{Load, Sample};
pub(crate) use overload::{TIMES, overload};
pub(crate) use pace::paced;
pub(crate) use report::{Report, memory_mib};
pub(crate) use stand::Stand;
pub(crate) use steps::Steps;
pub(crate) use target::Target;
