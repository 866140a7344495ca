//! What is being measured right now, for somebody who may be watching.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::ProgressBar;

/// A spinner on a terminal, nothing elsewhere.
pub(crate) struct Steps(ProgressBar);

impl Steps {
    pub(crate) fn new(quiet: bool) -> Self {
        let watched = !quiet && std::io::stderr().is_terminal();
        let bar = if watched { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    pub(crate) fn say(&self, what: &'static str) {
        self.0.set_message(format!("measuring {what}"));
    }

    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}
