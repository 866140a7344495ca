//! Intents and the tiers of models as one owner dated them.

use std::collections::HashMap;

use kernel::{Dated, Timestamp};

use super::{IntentRules, Tier};
use crate::domain::ModelName;

/// What one owner says of intents and models.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book {
    intents: HashMap<String, Dated<Option<IntentRules>>>,
    models: Vec<Listed>,
    /// Prices learnt so far: the order they were recorded in.
    recorded: u64,
}

#[derive(Debug, Clone)]
struct Listed {
    /// Empty: any.
    provider: String,
    name: ModelName,
    /// When each version was recorded, and the tier it gives; None withdraws it.
    history: Dated<(u64, Option<Tier>)>,
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

    /// The tier of models from `effective` on; None withdraws it.
    pub(crate) fn set_tier(
        &mut self,
        provider: String,
        name: ModelName,
        effective: Timestamp,
        tier: Option<Tier>,
    ) {
        self.recorded += 1;
        let version = (self.recorded, tier);
        let same = |listed: &&mut Listed| listed.provider == provider && listed.name == name;
        match self.models.iter_mut().find(same) {
            Some(listed) => listed.history.push(effective, version),
            None => {
                let mut history = Dated::new();
                history.push(effective, version);
                self.models.push(Listed { provider, name, history });
            }
        }
    }

    /// What holds of an intent at `at`: `None` when nothing was ever said, `Some(None)` when it is archived.
    pub(crate) fn intent(&self, intent: &str, at: Timestamp) -> Option<Option<&IntentRules>> {
        self.intents.get(intent)?.at(at).map(Option::as_ref)
    }

    /// The tier of a model at `at`. An exact name goes before a pattern, the named provider before any, and
    /// what was recorded later before what was recorded earlier. A caller that names no provider means any.
    pub(crate) fn tier(&self, provider: &str, model: &str, at: Timestamp) -> Option<Tier> {
        let candidates = self.models.iter().filter_map(|listed| {
            let is_providers = listed.provider == provider;
            if !(is_providers || listed.provider.is_empty() || provider.is_empty()) {
                return None;
            }
            let (recorded, tier) = *listed.history.at(at)?;
            let tier = tier?;
            if !listed.name.is(model) {
                return None;
            }
            let is_exact = matches!(listed.name, ModelName::Exact(_));
            Some(((is_exact, is_providers, recorded), tier))
        });
        candidates.max_by_key(|(rank, _)| *rank).map(|(_, tier)| tier)
    }
}
