//! How samples are drawn, pure: no async, no I/O, no wire, no clock. In reading order.

mod period;
mod salt;

mod plan;
mod sample;

mod draw;

pub(crate) use draw::{Counted, Drawn, draw};
pub(crate) use period::Period;
pub(crate) use plan::{DEFAULT_PLAN, Plan, Probability};
pub(crate) use salt::{Salt, Secret};
pub(crate) use sample::{Sample, State, Step};
