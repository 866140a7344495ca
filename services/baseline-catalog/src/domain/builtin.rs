//! What comes with the product: the pack "builtin@1".
//!
//! A table, because it must be the same on every installation and readable in a review. A changed
//! value is a new pack version: receipts name the one they were valued with.

use kernel::Timestamp;

use super::{
    BaselineKey, BaselineValue, Effort, Rate, RateTarget, RateValue, Recorded, Tag, TaskKey,
    Version,
};

/// Version id of every built-in.
const PACK: &str = "builtin@1";

/// The rate of a workspace that has set none (METRICS 4).
const DEFAULT_RATE: Rate = Rate::euros(45);

/// Where the four support baselines come from.
const SUPPORT_WALKTHROUGH: &str =
    "Track customer support (walkthrough), step 1: built-in baseline per step";
const DEFAULT_RATE_REASON: &str =
    "Default of the product: EUR 45 an hour where the workspace has set no rate";

/// One task type of the pack.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    pub(crate) key: &'static str,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) effort: Effort,
    /// Keys that pipelines with one task type per language send, and the language each stands for.
    pub(crate) aliases: &'static [(&'static str, &'static str)],
}

/// In the order of their keys.
pub(crate) const BUILT_INS: [BuiltIn; 4] = [
    BuiltIn {
        key: "customer_email_draft",
        name: "Customer email draft",
        description: "Draft a suggested response to the customer.",
        effort: Effort::minutes(8),
        aliases: &[],
    },
    BuiltIn {
        key: "duplicate_detection",
        name: "Duplicate detection",
        description: "Find out whether the ticket repeats another.",
        effort: Effort::minutes(3),
        aliases: &[],
    },
    BuiltIn {
        key: "email_classification",
        name: "Email classification",
        description: "Read the ticket and classify its category.",
        effort: Effort::minutes(4),
        aliases: &[("email_classification_en", "en"), ("email_classification_nl", "nl")],
    },
    BuiltIn {
        key: "ticket_routing",
        name: "Ticket routing",
        description: "Detect intent, urgency and sentiment, and route the ticket.",
        effort: Effort::minutes(2),
        aliases: &[],
    },
];

impl BuiltIn {
    /// By key; an alias finds nothing here.
    pub(crate) fn find(key: &TaskKey) -> Option<&'static Self> {
        BUILT_INS.iter().find(|built_in| built_in.key == key.as_str())
    }

    /// By key or alias; an alias brings the language it stands for.
    pub(crate) fn named(key: &TaskKey) -> Option<(&'static Self, Option<Tag>)> {
        let by_alias = || {
            BUILT_INS.iter().find_map(|built_in| {
                let (_, language) =
                    built_in.aliases.iter().find(|(alias, _)| *alias == key.as_str())?;
                let language =
                    Tag::language(language).expect("the pack's languages are well-formed");
                Some((built_in, language))
            })
        };
        Self::find(key).map(|built_in| (built_in, None)).or_else(by_alias)
    }

    /// The key under which values are filed: an alias gives way to its type, and to the language it
    /// stands for where none is given. `None` for a name the catalog does not know.
    pub(crate) fn canonical(key: &BaselineKey) -> Option<BaselineKey> {
        let (built_in, language) = Self::named(&key.task_type)?;
        Some(BaselineKey {
            task_type: built_in.task_key(),
            language: key.language.clone().or(language),
            channel: key.channel.clone(),
        })
    }

    /// Every key and alias there is.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        BUILT_INS.iter().flat_map(|built_in| {
            std::iter::once(built_in.key).chain(built_in.aliases.iter().map(|(alias, _)| *alias))
        })
    }

    pub(crate) fn task_key(&self) -> TaskKey {
        TaskKey::new(self.key).expect("the pack's keys are well-formed")
    }

    /// The version of its definition.
    pub(crate) fn version() -> Version {
        version(SUPPORT_WALKTHROUGH)
    }

    pub(crate) fn baseline(&self) -> Recorded<BaselineValue> {
        Recorded {
            value: BaselineValue {
                key: BaselineKey::general(self.task_key()),
                effort: Some(self.effort),
                citation: SUPPORT_WALKTHROUGH.to_owned(),
            },
            version: version(SUPPORT_WALKTHROUGH),
        }
    }
}

/// The rate that holds where nothing else does.
pub(crate) fn default_rate() -> Recorded<RateValue> {
    Recorded {
        value: RateValue { target: RateTarget::Workspace, rate: Some(DEFAULT_RATE) },
        version: version(DEFAULT_RATE_REASON),
    }
}

/// The reason of the built-in savings policy, which no workspace can change yet.
pub(crate) fn policy_version() -> Version {
    version("Default of the product: CREDITED, the agent's own duration taken off the baseline")
}

fn version(reason: &str) -> Version {
    Version {
        id: PACK.to_owned(),
        number: 0,
        effective: Timestamp::EPOCH,
        recorded: Timestamp::EPOCH,
        actor: "builtin".to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pack_holds_the_minutes_of_the_walkthrough() {
        let minutes = BUILT_INS.map(|b| (b.key, b.effort.ms() / 60_000));
        assert_eq!(
            minutes,
            [
                ("customer_email_draft", 8),
                ("duplicate_detection", 3),
                ("email_classification", 4),
                ("ticket_routing", 2),
            ]
        );
    }

    #[test]
    fn every_key_and_alias_is_well_formed_in_order_and_unique() {
        let keys: Vec<&str> = BUILT_INS.iter().map(|b| b.key).collect();
        assert!(keys.is_sorted());
        let mut names = keys;
        for built_in in &BUILT_INS {
            assert!(Effort::from_ms(built_in.effort.ms()).is_ok());
            names.extend(built_in.aliases.iter().map(|(alias, _)| *alias));
        }
        for name in &names {
            let key = TaskKey::new(name).unwrap();
            assert!(BuiltIn::named(&key).is_some(), "{name}");
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn an_alias_stands_for_its_type_in_its_language() {
        let (built_in, language) =
            BuiltIn::named(&TaskKey::new("email_classification_nl").unwrap()).unwrap();
        assert_eq!(built_in.key, "email_classification");
        assert_eq!(language, Tag::language("nl").unwrap());
    }
}
