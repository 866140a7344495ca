//! What a step is called, and by which other names it goes.

use std::collections::BTreeSet;

use super::fields::Fields;
use super::node::{Entries, Node};
use super::words::{Life, in_words, prose, worded};
use super::wrong::{Problem, Why};
use super::{Tag, TaskKey};

const NAME_LEN_MAX: usize = 120;
const DESCRIPTION_LEN_MAX: usize = 1_024;
const ALIASES_MAX: usize = 50;

worded! {
    /// The line of work.
    Category: "support, ops, sales, legal, content, research, data, dev or other" {
        Support = "support",
        Ops = "ops",
        Sales = "sales",
        Legal = "legal",
        Content = "content",
        Research = "research",
        Data = "data",
        Dev = "dev",
        Other = "other",
    }
}

/// One definition of a task type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskType {
    pub(crate) key: TaskKey,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) category: Category,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) life: Life,
}

/// Another key, and the dimensions an event that sends it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) alias: TaskKey,
    pub(crate) language: Option<Tag>,
    pub(crate) channel: Option<Tag>,
}

impl TaskType {
    /// The category is support where none is named.
    pub(crate) fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let key = f.take("task_type", TaskKey::new);
        let name = f.some_line("display_name", NAME_LEN_MAX);
        let description = f.prose("description", DESCRIPTION_LEN_MAX);
        let category = f.optional("category", Category::parse);
        let aliases = Self::read_aliases(f);
        let life = f.optional("state", Life::parse);
        let key = key?;
        Some(Self {
            name: name?.unwrap_or_else(|| in_words(key.as_str())),
            description: description?,
            category: category?.unwrap_or(Category::Support),
            aliases: aliases?,
            life: life?.unwrap_or(Life::Active),
            key,
        })
    }

    pub(crate) fn read_aliases(f: &mut Fields<'_, '_>) -> Option<Vec<Alias>> {
        let aliases = f.each("aliases", ALIASES_MAX, Alias::read)?;
        let different: BTreeSet<&TaskKey> = aliases.iter().map(|alias| &alias.alias).collect();
        if different.len() < aliases.len() {
            f.refuse("aliases", Problem::new(Why::Invalid, "names an alias twice"));
            return None;
        }
        Some(aliases)
    }

    pub(super) fn write(&self) -> Node {
        let name = if self.name == in_words(self.key.as_str()) { "" } else { &self.name };
        let category = Some(self.category).filter(|category| *category != Category::Support);
        Entries::default()
            .text("task_type", self.key.as_str())
            .text("display_name", name)
            .text("description", &self.description)
            .text("category", category.map_or("", Category::as_str))
            .list("aliases", self.aliases.iter().map(Alias::write).collect())
            .text("state", if self.life == Life::Active { "" } else { self.life.as_str() })
            .node()
    }
}

/// What a caller wants changed of a definition; what is absent stays.
#[derive(Debug, Clone)]
pub(crate) struct TypeEdit {
    pub(crate) key: TaskKey,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) category: Option<Category>,
    pub(crate) aliases: Option<Vec<Alias>>,
    pub(crate) life: Option<Life>,
}

impl TypeEdit {
    /// An absent list of aliases reads as none: whether it was sent the caller knows.
    pub(crate) fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let key = f.take("task_type", TaskKey::new);
        let name = f.some_line("display_name", NAME_LEN_MAX);
        let description = f.optional("description", |text| prose(text, DESCRIPTION_LEN_MAX));
        let category = f.optional("category", Category::parse);
        let aliases = TaskType::read_aliases(f);
        Some(Self {
            key: key?,
            name: name?,
            description: description?,
            category: category?,
            aliases: Some(aliases?),
            life: None,
        })
    }
}

impl Alias {
    fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let alias = f.take("alias", TaskKey::new);
        let language = f.take("language", Tag::language);
        let channel = f.take("channel", Tag::channel);
        Some(Self { alias: alias?, language: language?, channel: channel? })
    }

    fn write(&self) -> Node {
        let tag =
            |tag: &Option<Tag>| tag.as_ref().map_or_else(String::new, |t| t.as_str().to_owned());
        Entries::default()
            .text("alias", self.alias.as_str())
            .text("language", tag(&self.language))
            .text("channel", tag(&self.channel))
            .node()
    }
}
