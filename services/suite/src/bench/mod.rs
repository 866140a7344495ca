//! What this machine can do: drivers and yardsticks behind `tally bench`.
//!
//! Speeds are compared within one run, on one machine, against something simple that does not change: a
//! call that does nothing, an insert that does nothing else.

mod echo;
mod events;
mod freshness;
mod insert;
mod load;
mod overload;
mod report;
mod stand;

pub(crate) use echo::Echo;
pub(crate) use events::Events;
pub(crate) use freshness::freshness;
pub(crate) use insert::Inserts;
pub(crate) use load::{Load, Sample};
pub(crate) use overload::{TIMES, overload};
pub(crate) use report::{Report, memory_mib};
pub(crate) use stand::{Stand, Target};
