//! One command a file.

mod asking;
pub(crate) mod bench;
pub(crate) mod catalog;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod correct;
pub(crate) mod demo;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod key;
mod key_rotate;
pub(crate) mod migrate;
pub(crate) mod overview;
pub(crate) mod rebuild;
pub(crate) mod savings;
pub(crate) mod series;
pub(crate) mod serve;
pub(crate) mod share;
pub(crate) mod track;
mod track_file;
pub(crate) mod workspace;
mod workspace_update;

use chassis::config::ProcessEnv;

use crate::failure::Failure;
use crate::settings::Settings;

/// The settings of a command that is not a service.
fn settings() -> Result<Settings, Failure> {
    Ok(Settings::read(&ProcessEnv, "tally")?.0)
}
