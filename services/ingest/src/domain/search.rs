//! Looking through the ledger for events.

use kernel::Window;

/// What can be told of an event without decoding it. Everything else is looked at afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Search {
    /// When it occurred; `None` for whenever.
    pub(crate) window: Option<Window>,
    /// Field numbers of bodies; none for all kinds.
    pub(crate) kinds: Vec<i16>,
}
