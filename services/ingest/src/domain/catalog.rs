//! Ingest's own copy of the catalog: enough of it to value a step, with every dated version.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use kernel::{Currency, Dated, Effort, SavingsPolicy, Timestamp, WorkspaceId, nearest};

use super::ModelName;
use super::guard::{Book, Intent, IntentRules, Tier};
use super::pricing::{FxRate, Model, Price, PriceList, Quote, TokenPrice};

/// Millionths of a euro an hour costs unless the workspace says otherwise (METRICS 4).
const DEFAULT_RATE: i64 = 45_000_000;

/// Whose a fact is: everybody's (the built-ins), or one workspace's.
pub(crate) type Owner = Option<WorkspaceId>;

/// One dated fact of the catalog.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) owner: Owner,
    pub(crate) effective: Timestamp,
    pub(crate) version: String,
    pub(crate) fact: Fact,
}

/// What a change says. Facts ingest has no use for never get here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fact {
    /// A task type exists, under these other names too.
    TaskType { key: String, aliases: Vec<Alias>, active: bool },
    /// Effort of a human; `None` withdraws it.
    Baseline { key: BaselineKey, ms: Option<i64>, source: BaselineSource },
    /// Price of an hour; `None` withdraws it. An empty agent means the whole workspace.
    Rate { agent_id: String, rate: Option<(i64, Currency)> },
    /// Of which tier models are and what their tokens cost; neither withdraws it. An empty provider means
    /// any.
    Price {
        provider: String,
        name: ModelName,
        tier: Option<Tier>,
        price: Option<(Currency, Vec<TokenPrice>)>,
    },
    /// Billionths of the second currency for one unit of the first.
    Fx { pair: (Currency, Currency), nanos: i64 },
    Policy {
        policy: SavingsPolicy,
        subtract_agent_duration: bool,
        review_percent: i64,
        edit_ratio_percent: i64,
    },
    /// What the guard holds calls for an intent against; `None` archives it.
    Intent { key: String, rules: Option<IntentRules> },
}

/// Another name of a task type, and the dimensions it implies: `email_classification_nl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) name: String,
    pub(crate) language: String,
    pub(crate) channel: String,
}

/// A task type in a language and a channel; an empty one means any.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BaselineKey {
    pub(crate) task_type: String,
    pub(crate) language: String,
    pub(crate) channel: String,
}

/// Where a baseline came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BaselineSource {
    Request,
    Override,
    BuiltIn,
    Custom,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Baseline {
    pub(crate) ms: i64,
    pub(crate) source: BaselineSource,
    pub(crate) version: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) micros_per_hour: i64,
    pub(crate) currency: Currency,
    pub(crate) version: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) kind: SavingsPolicy,
    pub(crate) subtract_agent_duration: bool,
    /// Of a needs_review whose editing was not measured.
    pub(crate) review_percent: i64,
    /// From here on a human changed a success significantly (METRICS 2).
    pub(crate) edit_ratio_percent: i64,
    pub(crate) version: String,
}

/// How outcomes are credited where nothing at all is known.
impl Default for Policy {
    fn default() -> Self {
        Self {
            kind: SavingsPolicy::Credited,
            subtract_agent_duration: true,
            review_percent: Effort::REVIEW_PERCENT,
            edit_ratio_percent: 25,
            version: "default".to_owned(),
        }
    }
}

/// A task type that is not in the catalog, and the names closest to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownTaskType {
    pub(crate) sent: String,
    pub(crate) nearest: Vec<String>,
}

/// Facts of one owner, each with its history.
#[derive(Debug, Clone, Default)]
struct Facts {
    task_types: BTreeMap<String, Dated<Definition>>,
    /// Task types that ever went by an alias. Whether one does at an instant, its definition says.
    claimants: HashMap<String, Vec<String>>,
    baselines: HashMap<String, Vec<Variant>>,
    rates: HashMap<String, Dated<Option<Rate>>>,
    prices: PriceList,
    policy: Dated<Policy>,
    guard: Book,
}

/// What a task type is from some instant on.
#[derive(Debug, Clone)]
struct Definition {
    active: bool,
    aliases: Vec<Alias>,
}

/// The baselines of a task type in one language and channel. Task types have one variant, or a few.
#[derive(Debug, Clone)]
struct Variant {
    language: String,
    channel: String,
    history: Dated<Option<Baseline>>,
}

/// A task type in a language and a channel, as an event has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) task_type: &'a str,
    pub(crate) language: &'a str,
    pub(crate) channel: &'a str,
}

/// All facts, by owner.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    owners: HashMap<Owner, Facts>,
}

impl Catalog {
    /// Whether the built-ins are there: without them nothing can be valued.
    pub(crate) fn is_usable(&self) -> bool {
        self.owners.contains_key(&None)
    }

    /// Makes room for a newer set of built-ins.
    pub(crate) fn forget_built_ins(&mut self) {
        self.owners.remove(&None);
    }

    /// Takes in a change. Changes of one owner come in the order they were made.
    pub(crate) fn learn(&mut self, change: Change) {
        let Change { owner, effective, version, fact } = change;
        let facts = self.owners.entry(owner).or_default();
        match fact {
            Fact::TaskType { key, aliases, active } => {
                for alias in &aliases {
                    let claimants = facts.claimants.entry(alias.name.clone()).or_default();
                    if !claimants.contains(&key) {
                        claimants.push(key.clone());
                    }
                }
                let definition = Definition { active, aliases };
                facts.task_types.entry(key).or_default().push(effective, definition);
            }
            Fact::Baseline { key, ms, source } => {
                let baseline = ms.map(|ms| Baseline { ms, source, version });
                let BaselineKey { task_type, language, channel } = key;
                let variants = facts.baselines.entry(task_type).or_default();
                let same = |v: &&mut Variant| v.language == language && v.channel == channel;
                match variants.iter_mut().find(same) {
                    Some(variant) => variant.history.push(effective, baseline),
                    None => {
                        let mut history = Dated::new();
                        history.push(effective, baseline);
                        variants.push(Variant { language, channel, history });
                    }
                }
            }
            Fact::Rate { agent_id, rate } => {
                let rate = rate.map(|(micros_per_hour, currency)| Rate {
                    micros_per_hour,
                    currency,
                    version,
                });
                facts.rates.entry(agent_id).or_default().push(effective, rate);
            }
            Fact::Price { provider, name, tier, price } => {
                let price = price.map(|(currency, tokens)| Price { currency, tokens, version });
                let quote = Quote { tier, price };
                facts.prices.set(provider, name, effective, quote);
            }
            Fact::Fx { pair, nanos } => {
                facts.prices.set_fx(pair, effective, FxRate { nanos, version });
            }
            Fact::Policy {
                policy,
                subtract_agent_duration,
                review_percent,
                edit_ratio_percent,
            } => {
                let kind = policy;
                let policy = Policy {
                    kind,
                    subtract_agent_duration,
                    review_percent,
                    edit_ratio_percent,
                    version,
                };
                facts.policy.push(effective, policy);
            }
            Fact::Intent { key, rules } => facts.guard.set_intent(key, effective, rules),
        }
    }

    /// The baseline of a task type: the workspace's own before the built-in, an exact language and
    /// channel before any. A known task type without one is `Ok(None)`.
    pub(crate) fn baseline(
        &self,
        workspace: WorkspaceId,
        sent: Asked<'_>,
        at: Timestamp,
    ) -> Result<Option<&Baseline>, UnknownTaskType> {
        let owners = [Some(workspace), None].map(|owner| self.owners.get(&owner));
        // The workspace's own definition before the built-in one, which it may have given other aliases.
        let defined =
            |name: &str| owners.iter().flatten().find_map(|f| f.task_types.get(name)?.at(at));
        let known = |name: &str| defined(name).is_some_and(|definition| definition.active);
        // The catalog writes tags in lower case, so that "NL" and "nl" are one; events need not.
        let (language, channel) = (lower(sent.language), lower(sent.channel));
        let mut asked = Asked { task_type: sent.task_type, language: &language, channel: &channel };
        if !known(asked.task_type) {
            let claimants =
                owners.iter().flatten().filter_map(|f| f.claimants.get(asked.task_type));
            let alias =
                claimants.flatten().filter(|claimant| known(claimant)).find_map(|claimant| {
                    let mut aliases = defined(claimant)?.aliases.iter();
                    Some((claimant, aliases.find(|alias| alias.name == asked.task_type)?))
                });
            let Some((task_type, alias)) = alias else {
                return Err(self.unknown(sent.task_type, &owners));
            };
            asked.task_type = task_type;
            for (place, implied) in
                [(&mut asked.language, &alias.language), (&mut asked.channel, &alias.channel)]
            {
                if place.is_empty() {
                    *place = implied;
                }
            }
        }
        let found = owners.iter().flatten().find_map(|facts| {
            let variants = facts.baselines.get(asked.task_type)?;
            candidates(asked).into_iter().find_map(|(language, channel)| {
                let same = |v: &&Variant| v.language == language && v.channel == channel;
                variants.iter().find(same)?.history.at(at)?.as_ref()
            })
        });
        Ok(found)
    }

    /// What an hour costs: the agent's rate, then the workspace's, then EUR 45.
    pub(crate) fn rate(&self, workspace: WorkspaceId, agent_id: &str, at: Timestamp) -> Rate {
        let owners = [Some(workspace), None].map(|owner| self.owners.get(&owner));
        let found = owners.iter().flatten().find_map(|facts| {
            [agent_id, ""].iter().find_map(|who| facts.rates.get(*who)?.at(at).cloned().flatten())
        });
        found.unwrap_or(Rate {
            micros_per_hour: DEFAULT_RATE,
            currency: Currency::EUR,
            version: "default".to_owned(),
        })
    }

    /// How the workspace credits outcomes.
    pub(crate) fn policy(&self, workspace: WorkspaceId, at: Timestamp) -> Policy {
        let owners = [Some(workspace), None].map(|owner| self.owners.get(&owner));
        let found = owners.iter().flatten().find_map(|facts| facts.policy.at(at).cloned());
        found.unwrap_or_default()
    }

    /// What a model's tokens cost: by the workspace's own prices, then by the built-in ones.
    pub(crate) fn price(
        &self,
        workspace: WorkspaceId,
        model: Model<'_>,
        at: Timestamp,
    ) -> Option<&Price> {
        let owners = [Some(workspace), None].map(|owner| self.owners.get(&owner));
        owners.into_iter().flatten().find_map(|facts| facts.prices.price(model, at))
    }

    /// What one unit of `from` is worth in `into`.
    pub(crate) fn fx(
        &self,
        workspace: WorkspaceId,
        from: Currency,
        into: Currency,
        at: Timestamp,
    ) -> Option<&FxRate> {
        let owners = [Some(workspace), None].map(|owner| self.owners.get(&owner));
        owners.into_iter().flatten().find_map(|facts| facts.prices.fx(from, into, at))
    }

    /// What the guard holds calls for `intent` against; an empty one is not known yet.
    pub(crate) fn intent(&self, workspace: WorkspaceId, intent: &str, at: Timestamp) -> Intent {
        if intent.is_empty() {
            return Intent::Unnamed;
        }
        let owners = [Some(workspace), None].map(|owner| self.owners.get(&owner));
        let found = owners.iter().flatten().find_map(|facts| facts.guard.intent(intent, at));
        found.flatten().cloned().map_or(Intent::Unknown, Intent::Known)
    }

    /// The tier of a model: by the workspace's own prices, then by the built-in ones.
    pub(crate) fn tier(
        &self,
        workspace: WorkspaceId,
        model: Model<'_>,
        at: Timestamp,
    ) -> Option<Tier> {
        let owners = [Some(workspace), None].map(|owner| self.owners.get(&owner));
        owners.iter().flatten().find_map(|facts| facts.prices.tier(model, at))
    }

    fn unknown(&self, sent: &str, owners: &[Option<&Facts>]) -> UnknownTaskType {
        let names = owners.iter().flatten().flat_map(|facts| facts.task_types.keys());
        let nearest = nearest(sent, names.map(String::as_str));
        let nearest = nearest.into_iter().map(str::to_owned).collect();
        UnknownTaskType { sent: sent.to_owned(), nearest }
    }
}

/// Language and channel, from the most particular to the most general.
fn candidates(asked: Asked<'_>) -> [(&str, &str); 6] {
    let Asked { language, channel, .. } = asked;
    let broader = primary(language);
    [
        (language, channel),
        (language, ""),
        (broader, channel),
        (broader, ""),
        ("", channel),
        ("", ""),
    ]
}

/// In lower case, as it mostly is already.
fn lower(tag: &str) -> Cow<'_, str> {
    if tag.chars().any(char::is_uppercase) { tag.to_lowercase().into() } else { tag.into() }
}

/// `nl` of `nl-be`.
fn primary(language: &str) -> &str {
    language.split('-').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
