//! What the catalog knows, pure: no async, no I/O, no wire, no clock. In reading order.

mod key;

mod baseline;
mod rate;

mod change;

mod builtin;
mod catalog;

pub(crate) use baseline::{BaselineValue, Effort, Source};
pub(crate) use builtin::{BUILT_INS, BuiltIn, default_rate, policy_version};
pub(crate) use catalog::{Catalog, Dimensions, Displaced};
pub(crate) use change::{Change, Kind, NewChange, Reason, Recorded, Value, Version};
pub(crate) use key::{BaselineKey, Name, Tag, TaskKey};
pub(crate) use rate::{Rate, RateTarget, RateValue};
