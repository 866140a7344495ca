//! Reading the fields of a map: each is asked for once, and what nobody asked for is refused.

use std::ops::RangeInclusive;

use kernel::{Currency, Malformed, decimal, nearest};

use super::currency::currency;
use super::node::{Form, Node};
use super::words::{line, prose};
use super::wrong::{Problem, Why, Wrongs};

/// Whose words are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A caller's or a pack's: held against every rule of today.
    Sent,
    /// The log's own: right when they were recorded. A currency or a zone that is gone since, or a limit
    /// that came later, must not take a history away.
    Stored,
}

impl Reading {
    /// How much there may be, where `max` is today's limit.
    pub(crate) const fn most(self, max: usize) -> usize {
        match self {
            Self::Sent => max,
            Self::Stored => usize::MAX,
        }
    }

    /// Whether a number is one that may be read, where `limits` are today's.
    pub(crate) fn allows(self, limits: &RangeInclusive<i64>, number: i64) -> bool {
        self == Self::Stored || limits.contains(&number)
    }
}

/// The fields of one map, and where it stands.
pub(crate) struct Fields<'n, 'w> {
    reading: Reading,
    line: u32,
    path: String,
    entries: &'n [(String, Node)],
    asked: Vec<&'static str>,
    wrongs: &'w mut Wrongs,
}

impl<'n, 'w> Fields<'n, 'w> {
    /// `None` where the node is no map.
    pub(crate) fn of(
        reading: Reading,
        node: &'n Node,
        path: String,
        wrongs: &'w mut Wrongs,
    ) -> Option<Self> {
        match &node.form {
            Form::Map(entries) => {
                let (line, asked) = (node.line, Vec::new());
                Some(Self { reading, line, path, entries, asked, wrongs })
            }
            Form::Text(_) | Form::List(_) => {
                let what = "is a map of fields, one `name: value` a line";
                wrongs.add(node.line, path, Problem::new(Why::Invalid, what));
                None
            }
        }
    }

    pub(crate) fn reading(&self) -> Reading {
        self.reading
    }

    /// Where the map begins.
    pub(crate) fn first_line(&self) -> u32 {
        self.line
    }

    /// Where the map stands, such as `intents[2]`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The text of a field, empty where it is absent; `None` where it is no text.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<&'n str> {
        match self.find(name).map(|node| &node.form) {
            None => Some(""),
            Some(Form::Text(text)) => Some(text),
            Some(Form::List(_) | Form::Map(_)) => {
                self.refuse(name, Problem::new(Why::Invalid, "is one value, not a list or a map"));
                None
            }
        }
    }

    /// The value of a field, by a parser that also sees the empty text of an absent one.
    pub(crate) fn take<T, P: Into<Problem>>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, P>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(problem) => {
                let problem: Problem = problem.into();
                let is_missing = text.is_empty() && problem.why == Why::Invalid;
                let why = if is_missing { Why::Required } else { problem.why };
                self.refuse(name, Problem { why, ..problem });
                None
            }
        }
    }

    /// The same for a field that may be absent.
    pub(crate) fn optional<T, P: Into<Problem>>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, P>,
    ) -> Option<Option<T>> {
        match self.text(name)? {
            "" => Some(None),
            _ => self.take(name, parse).map(Some),
        }
    }

    /// One line of text, which must be there.
    pub(crate) fn line(&mut self, name: &'static str, max: usize) -> Option<String> {
        let most = self.reading.most(max);
        self.take(name, |text| line(text, most))
    }

    /// One line of text, if it is there.
    pub(crate) fn some_line(&mut self, name: &'static str, max: usize) -> Option<Option<String>> {
        let most = self.reading.most(max);
        self.optional(name, |text| line(text, most))
    }

    /// Free text, which may be empty.
    pub(crate) fn prose(&mut self, name: &'static str, max: usize) -> Option<String> {
        let most = self.reading.most(max);
        self.take(name, |text| prose(text, most))
    }

    /// A currency; one that is sent must exist.
    pub(crate) fn currency(&mut self, name: &'static str) -> Option<Currency> {
        match self.reading {
            Reading::Sent => self.take(name, currency),
            Reading::Stored => self.take(name, Currency::new),
        }
    }

    /// A currency, if it is there.
    pub(crate) fn some_currency(&mut self, name: &'static str) -> Option<Option<Currency>> {
        match self.text(name)? {
            "" => Some(None),
            _ => self.currency(name).map(Some),
        }
    }

    /// A whole number within limits.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        default: i64,
        limits: RangeInclusive<i64>,
    ) -> Option<i64> {
        let reading = self.reading;
        let number = |text: &str| match text.parse::<i64>() {
            Ok(number) if reading.allows(&limits, number) => Ok(number),
            _ => {
                let (least, most) = (limits.start(), limits.end());
                let what = format!("is a whole number from {least} to {most}; {text:?} was sent");
                Err(Problem::new(Why::OutOfRange, what))
            }
        };
        Some(self.optional(name, number)?.unwrap_or(default))
    }

    /// A decimal number in units of its last place, within limits.
    pub(crate) fn decimal(
        &mut self,
        name: &'static str,
        places: usize,
        limits: RangeInclusive<i64>,
        expected: &'static str,
    ) -> Option<i64> {
        let reading = self.reading;
        self.take(name, |text| {
            let number = decimal::parse(text, places).filter(|n| reading.allows(&limits, *n));
            number.ok_or_else(|| Malformed::new(expected, text))
        })
    }

    pub(crate) fn truth(&mut self, name: &'static str, default: bool) -> Option<bool> {
        let truth = |text: &str| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Malformed::new("true or false", text)),
        };
        Some(self.optional(name, truth)?.unwrap_or(default))
    }

    /// A list of texts, each once.
    pub(crate) fn texts<T: PartialEq, P: Into<Problem>>(
        &mut self,
        name: &'static str,
        max: usize,
        parse: impl Fn(&str) -> Result<T, P>,
    ) -> Option<Vec<T>> {
        let mut found = Vec::new();
        let mut is_whole = true;
        for (item, path) in self.items(name, max)? {
            let parsed = match &item.form {
                Form::Text(text) => parse(text).map_err(Into::into),
                Form::List(_) | Form::Map(_) => {
                    Err(Problem::new(Why::Invalid, "is one value, not a list or a map"))
                }
            };
            match parsed {
                Ok(value) if found.contains(&value) => {
                    self.wrongs.add(
                        item.line,
                        path,
                        Problem::new(Why::Invalid, "stands there twice"),
                    );
                    is_whole = false;
                }
                Ok(value) => found.push(value),
                Err(problem) => {
                    self.wrongs.add(item.line, path, problem);
                    is_whole = false;
                }
            }
        }
        is_whole.then_some(found)
    }

    /// A list of maps.
    pub(crate) fn each<T>(
        &mut self,
        name: &'static str,
        max: usize,
        mut read: impl FnMut(&mut Fields<'_, '_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut found = Vec::new();
        let mut is_whole = true;
        for (item, path) in self.items(name, max)? {
            let fields = Fields::of(self.reading, item, path, self.wrongs);
            let value = fields.and_then(|mut fields| {
                let value = read(&mut fields);
                fields.finish();
                value
            });
            is_whole &= value.is_some();
            found.extend(value);
        }
        is_whole.then_some(found)
    }

    /// A map inside the map, if it is there.
    pub(crate) fn map<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Fields<'_, '_>) -> Option<T>,
    ) -> Option<Option<T>> {
        let Some(node) = self.find(name) else { return Some(None) };
        let path = self.path_of(name);
        let mut fields = Fields::of(self.reading, node, path, self.wrongs)?;
        let value = read(&mut fields);
        fields.finish();
        value.map(Some)
    }

    fn items(&mut self, name: &'static str, max: usize) -> Option<Vec<(&'n Node, String)>> {
        let Some(node) = self.find(name) else { return Some(Vec::new()) };
        let items = match &node.form {
            Form::List(items) => items,
            // `name:` with nothing behind it.
            Form::Text(text) if text.is_empty() => return Some(Vec::new()),
            Form::Text(_) | Form::Map(_) => {
                self.refuse(name, Problem::new(Why::Invalid, "is a list"));
                return None;
            }
        };
        if items.len() > self.reading.most(max) {
            let what = format!("has at most {max} entries; {} were sent", items.len());
            self.refuse(name, Problem::new(Why::TooLarge, what));
            return None;
        }
        let path = self.path_of(name);
        Some(items.iter().enumerate().map(|(i, item)| (item, format!("{path}[{i}]"))).collect())
    }

    /// Something is wrong with a field.
    pub(crate) fn refuse(&mut self, name: &'static str, problem: Problem) {
        let line = self.find(name).map_or(self.line, |node| node.line);
        let path = self.path_of(name);
        self.wrongs.add(line, path, problem);
    }

    /// What nobody asked for is a typo; in the log it is what another release had to say.
    pub(crate) fn finish(self) {
        if self.reading == Reading::Stored {
            return;
        }
        for (name, node) in self.entries {
            if self.asked.contains(&name.as_str()) {
                continue;
            }
            let near = nearest(name, self.asked.iter().copied());
            let hint = near.first().map_or_else(
                || format!("fields here are {}", self.asked.join(", ")),
                |near| format!("did you mean {near}?"),
            );
            let what = format!("is no field: {hint}");
            let shown: String = name.chars().take(64).collect();
            self.wrongs.add(node.line, join(&self.path, &shown), Problem::new(Why::Invalid, what));
        }
    }

    fn find(&mut self, name: &'static str) -> Option<&'n Node> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
        self.entries.iter().find(|(known, _)| known == name).map(|(_, node)| node)
    }

    fn path_of(&self, name: &str) -> String {
        join(&self.path, name)
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
