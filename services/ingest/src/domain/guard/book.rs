//! Intents as one owner dated them.

use std::collections::HashMap;

use kernel::{Dated, Timestamp};

use super::IntentRules;

/// What one owner says of intents.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book {
    intents: HashMap<String, Dated<Option<IntentRules>>>,
}

impl Book {
    /// Rules of an intent from `effective` on; None archives it.
    pub(crate) fn set_intent(
        &mut self,
        intent: String,
        effective: Timestamp,
        rules: Option<IntentRules>,
    ) {
        self.intents.entry(intent).or_default().push(effective, rules);
    }

    /// What holds of an intent at `at`: `None` when nothing was ever said, `Some(None)` when it is archived.
    pub(crate) fn intent(&self, intent: &str, at: Timestamp) -> Option<Option<&IntentRules>> {
        self.intents.get(intent)?.at(at).map(Option::as_ref)
    }
}
