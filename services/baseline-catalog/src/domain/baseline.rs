//! Human effort for one step.

use kernel::Malformed;

use super::fields::Fields;
use super::node::{Entries, Node};
use super::wrong::{Problem, Why};
use super::{BaselineKey, Tag, TaskKey, span};

/// What a study, a time sheet or a document is named with.
pub(crate) const CITATION_LEN_MAX: usize = 1_024;

/// Effort in milliseconds: at least one, at most the day ingest accepts for one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Effort(i64);

impl Effort {
    /// May only grow: rows hold what it allowed.
    const MS_MAX: i64 = 24 * 60 * 60 * 1_000;

    pub(crate) fn from_ms(ms: i64) -> Result<Self, Malformed> {
        if (1..=Self::MS_MAX).contains(&ms) {
            Ok(Self(ms))
        } else {
            Err(Malformed::new("an effort of 1 to 86,400,000 milliseconds (24 h)", &ms.to_string()))
        }
    }

    /// As packs write it: `4m`, `1m30s`.
    pub(crate) fn parse(text: &str) -> Result<Self, Malformed> {
        let ms =
            span::parse(text).ok_or_else(|| Malformed::new("an effort such as 4m or 1m30s", text));
        Self::from_ms(ms?)
    }

    pub(crate) const fn ms(self) -> i64 {
        self.0
    }
}

/// One value of a baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaselineValue {
    pub(crate) key: BaselineKey,
    /// `None` withdraws: the next in the order of resolution holds.
    pub(crate) effort: Option<Effort>,
    /// What the effort rests on; may be empty.
    pub(crate) citation: String,
}

impl BaselineValue {
    pub(super) fn read(f: &mut Fields<'_, '_>) -> Option<Self> {
        let task_type = f.take("task_type", TaskKey::new);
        let language = f.take("language", Tag::language);
        let channel = f.take("channel", Tag::channel);
        let withdrawn = f.truth("withdrawn", false);
        let effort = match withdrawn {
            Some(true) => match f.text("effort") {
                Some("") => Some(None),
                _ => {
                    let what = "is left out when the baseline is withdrawn";
                    f.refuse("effort", Problem::new(Why::Invalid, what));
                    None
                }
            },
            _ => f.take("effort", Effort::parse).map(Some),
        };
        let citation = f.prose("citation", CITATION_LEN_MAX);
        let key = BaselineKey { task_type: task_type?, language: language?, channel: channel? };
        withdrawn?;
        Some(Self { key, effort: effort?, citation: citation? })
    }

    pub(super) fn write(&self) -> Node {
        let tag =
            |tag: &Option<Tag>| tag.as_ref().map_or_else(String::new, |t| t.as_str().to_owned());
        Entries::default()
            .text("task_type", self.key.task_type.as_str())
            .text("language", tag(&self.key.language))
            .text("channel", tag(&self.key.channel))
            .text("effort", self.effort.map_or_else(String::new, |effort| span::write(effort.ms())))
            .flag("withdrawn", self.effort.is_none())
            .text("citation", &self.citation)
            .node()
    }
}

/// Where a baseline stands in the order of resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The workspace's own value for a built-in.
    Override,
    /// What came with the product.
    BuiltIn,
    /// The workspace's value for a task type of its own.
    Custom,
}
