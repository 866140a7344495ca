//! What a step is worth, which cells it falls into, and what a report makes of them. Pure: no clock, no
//! I/O, no wire, no database. `roaring` is the one outside type, and it is data.

mod cover;
mod dimensions;
mod fold;
mod measures;
mod query;
mod report;
mod step;
mod tally;
mod tickets;

pub(crate) use cover::{AlignedWindow, Level, Misaligned, Span};
pub(crate) use dimensions::{Dimension, Dimensions, Rate};
pub(crate) use fold::{CellDelta, Deltas, fold};
pub(crate) use measures::Measures;
pub(crate) use query::{Filter, Query, Staffing};
pub(crate) use report::{Cell, Order, Savings, Segment, overview, savings};
pub(crate) use step::{Cost, Step};
pub(crate) use tally::{Change, Tally};
pub(crate) use tickets::TicketSet;

#[cfg(test)]
mod acceptance;
#[cfg(test)]
mod convergence;
#[cfg(any(test, feature = "testkit"))]
pub(crate) mod samples;
