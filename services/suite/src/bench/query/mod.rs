//! What reports cost (`tally bench query`): the events, the questions, and how the answers are timed.

mod consumer;
mod history;
mod mix;
mod overviews;
mod questions;
mod rebuilds;
mod report;
mod traffic;
mod visible;

pub(crate) use consumer::Consumer;
pub(crate) use history::{History, WORKSPACES};
pub(crate) use overviews::{cold, hot};
pub(crate) use rebuilds::{Rebuilt, rebuild_all};
pub(crate) use report::QueryReport;
pub(crate) use traffic::traffic;
pub(crate) use visible::visible;

/// The workspace that holds half of the events, as a caller: its key is the first.
const LARGE: usize = 0;
