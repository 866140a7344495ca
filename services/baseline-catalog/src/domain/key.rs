//! Names, parsed where they enter and correct afterwards.

use std::fmt;

use kernel::Malformed;

/// A task type's key or alias: lower-case snake_case, a letter first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TaskKey(String);

impl TaskKey {
    pub(crate) fn new(text: &str) -> Result<Self, Malformed> {
        if is_snake_case(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new(
                "a task type key of 1 to 64 a-z, 0-9 and _, a letter first: email_classification",
                text,
            ))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An intent's key, shaped like a task type's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct IntentKey(String);

impl IntentKey {
    pub(crate) fn new(text: &str) -> Result<Self, Malformed> {
        if is_snake_case(text) {
            Ok(Self(text.to_owned()))
        } else {
            let expected = "an intent of 1 to 64 a-z, 0-9 and _, a letter first: order_status";
            Err(Malformed::new(expected, text))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

const KEY_LEN_MAX: usize = 64;

fn is_snake_case(text: &str) -> bool {
    let snake = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let letter_first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    snake && letter_first && text.len() <= KEY_LEN_MAX
}

/// A language or a channel, in lower case so that "NL" and "nl" are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Tag(String);

impl Tag {
    const LANGUAGE_LEN_MAX: usize = 35;
    const CHANNEL_LEN_MAX: usize = 64;

    /// `None` for the empty text, which means any language.
    pub(crate) fn language(text: &str) -> Result<Option<Self>, Malformed> {
        let tag = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if tag && text.len() <= Self::LANGUAGE_LEN_MAX {
            Ok(Self::unless_empty(text))
        } else {
            Err(Malformed::new(
                "a BCP 47 language of at most 35 characters, such as nl or pt-br",
                text,
            ))
        }
    }

    /// `None` for the empty text, which means any channel.
    pub(crate) fn channel(text: &str) -> Result<Option<Self>, Malformed> {
        if text.len() <= Self::CHANNEL_LEN_MAX && !text.chars().any(char::is_control) {
            Ok(Self::unless_empty(text))
        } else {
            Err(Malformed::new(
                "a channel of at most 64 bytes without control characters, such as email",
                text,
            ))
        }
    }

    fn unless_empty(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_lowercase()))
    }

    /// `nl` of `nl-be`.
    fn primary(&self) -> Self {
        Self(self.0.split('-').next().unwrap_or_default().to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// An agent's or a team's name, as events carry it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name(String);

impl Name {
    const LEN_MAX: usize = 255;

    pub(crate) fn new(text: &str) -> Result<Self, Malformed> {
        let fits = !text.is_empty() && text.len() <= Self::LEN_MAX;
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new("a name of 1 to 255 bytes without control characters", text))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a baseline is for. An absent dimension means any.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BaselineKey {
    pub(crate) task_type: TaskKey,
    pub(crate) language: Option<Tag>,
    pub(crate) channel: Option<Tag>,
}

impl BaselineKey {
    /// The task type in any language and channel.
    pub(crate) fn general(task_type: TaskKey) -> Self {
        Self { task_type, language: None, channel: None }
    }

    /// Keys whose version answers for this one, the most specific first: ingest looks values up in
    /// the same order, or receipts and catalog would disagree.
    pub(crate) fn candidates(&self) -> Vec<Self> {
        let primary = self.language.as_ref().map(Tag::primary);
        let mut candidates = Vec::with_capacity(6);
        for language in [self.language.clone(), primary, None] {
            for channel in [self.channel.clone(), None] {
                let task_type = self.task_type.clone();
                let candidate = Self { task_type, language: language.clone(), channel };
                if !candidates.contains(&candidate) {
                    candidates.push(candidate);
                }
            }
        }
        candidates
    }
}

/// What the change log files its versions under.
impl fmt::Display for BaselineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |tag: &Option<Tag>| tag.as_ref().map_or_else(String::new, |t| t.0.clone());
        // The channel comes last: it alone may hold the separator.
        write!(f, "{}|{}|{}", self.task_type.0, text(&self.language), text(&self.channel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_key_is_snake_case_with_a_letter_first() {
        assert!(TaskKey::new("email_classification_2").is_ok());
        for bad in ["", "Email", "email-x", "2nd", "_x", "é", &"x".repeat(65)] {
            assert!(TaskKey::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_most_specific_candidate_comes_first_and_none_twice() {
        let general = BaselineKey::general(TaskKey::new("t").unwrap());
        assert_eq!(general.candidates(), std::slice::from_ref(&general));
        let key = BaselineKey {
            language: Tag::language("nl-BE").unwrap(),
            channel: Tag::channel("Email").unwrap(),
            ..general
        };
        let written: Vec<String> = key.candidates().iter().map(ToString::to_string).collect();
        assert_eq!(
            written,
            ["t|nl-be|email", "t|nl-be|", "t|nl|email", "t|nl|", "t||email", "t||"]
        );
    }
}
