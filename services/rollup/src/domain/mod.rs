//! What a step is worth, which cells it falls into, and what a report makes of them. Pure: no clock, no
//! I/O, no wire, no database. `roaring` is the one outside type, and it is data.

mod buckets;
mod conservation;
mod content;
mod corrections;
mod cover;
mod differences;
mod dimensions;
mod durations;
mod efforts;
mod fold;
mod grain;
mod measures;
mod query;
mod rebuild;
mod recount;
mod report;
mod restate;
mod series;
mod share;
mod step;
mod sums;
mod tally;
mod tickets;
mod today;
pub(crate) mod varint;
mod words;

pub(crate) use buckets::{Bucket, Granularity, Uncut, buckets};
pub(crate) use conservation::{Check, checks, recounted};
pub(crate) use content::Content;
pub(crate) use corrections::{Amendment, Corrected, Correction, Effect, Fact, Judged, Judgement};
pub(crate) use cover::{AlignedWindow, Level, Misaligned, Span};
pub(crate) use differences::{Cause, Difference, Differences};
pub(crate) use dimensions::{Dimension, Dimensions, Rate};
pub(crate) use durations::{DurationSums, Durations};
pub(crate) use efforts::{Efforts, Spent};
pub(crate) use fold::{CellDelta, Folded, Folder};
pub(crate) use grain::Grain;
pub(crate) use measures::Measures;
pub(crate) use query::{Filter, Query, Staffing};
pub(crate) use rebuild::{Rebuild, RebuildState};
pub(crate) use recount::{Held, Recount};
pub(crate) use report::{Cell, Order, Savings, Segment, overview, savings};
pub(crate) use restate::restate;
pub(crate) use series::{Series, series};
pub(crate) use share::{
    Attempt, Opening, Reader, Sealed, Share, ShareId, SmallCells, Token, TokenDigest,
};
pub(crate) use step::{Cost, Step};
pub(crate) use tally::{Change, Tally};
pub(crate) use tickets::{TicketCounts, TicketSet};
pub(crate) use today::{Baseline, HourlyRate, OWN, Rules, Today, Work, works};
pub(crate) use words::{Key, Stored, Words};

#[cfg(test)]
mod acceptance;
#[cfg(test)]
mod convergence;
#[cfg(test)]
mod restated;
#[cfg(any(test, feature = "testkit"))]
pub(crate) mod samples;
