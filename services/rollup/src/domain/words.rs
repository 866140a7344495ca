//! Dimensions by number: the texts of a batch or a block are listed once, and what can be said of a cell is
//! fourteen numbers in that list.
//!
//! A table of dimension sets had nearly as many rows as there were events, in workspaces of few. And numbers
//! are compared where they are: the texts of one batch lay so far apart that comparing them was 14 % of
//! consuming it.

use std::sync::Arc;

use foldhash::HashMap;
use kernel::{Currency, Outcome};

use super::{Dimensions, Rate, varint};

/// Texts by number. The first is the empty one.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    texts: Vec<Arc<str>>,
    /// `None` until the first is asked for.
    numbers: Option<HashMap<Arc<str>, u32>>,
    /// Rates that were asked for, few: writing one as text costs more than looking through them.
    rates: Vec<(Rate, u32)>,
}

/// What can be said of a cell: the numbers of its words, one for each dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key([u32; Key::WORDS]);

/// Texts by number where they are stored: whoever only reads a block needs no copies of them.
#[derive(Debug)]
pub(crate) struct Stored<'b>(Vec<&'b str>);

/// From the numbers of one list to those of another, found as they are needed.
pub(crate) struct Translation<'w, T> {
    from: &'w [T],
    to: Vec<Option<u32>>,
}

impl Default for Words {
    fn default() -> Self {
        Self { texts: vec!["".into()], numbers: None, rates: Vec::new() }
    }
}

impl Words {
    fn number(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        match self.numbers().get(text) {
            Some(&known) => known,
            None => self.add(text.into()),
        }
    }

    fn rate(&mut self, rate: Rate) -> u32 {
        if let Some((_, known)) = self.rates.iter().find(|(known, _)| *known == rate) {
            return *known;
        }
        let number = self.number(&format!("{} {}", rate.micros_per_hour, rate.currency));
        self.rates.push((rate, number));
        number
    }

    /// The same of a text that another list holds: both then hold the one; a stored one is copied.
    fn shared<T: AsRef<str> + Clone + Into<Arc<str>>>(&mut self, text: &T) -> u32 {
        match self.numbers().get(text.as_ref()) {
            Some(&known) => known,
            None => self.add(text.clone().into()),
        }
    }

    fn add(&mut self, text: Arc<str>) -> u32 {
        let number = self.texts.len() as u32;
        self.texts.push(Arc::clone(&text));
        self.numbers().insert(text, number);
        number
    }

    fn numbers(&mut self) -> &mut HashMap<Arc<str>, u32> {
        let texts = &self.texts;
        self.numbers.get_or_insert_with(|| texts.iter().cloned().zip(0..).collect())
    }

    fn text(&self, number: u32) -> Option<&str> {
        self.texts.get(number as usize).map(AsRef::as_ref)
    }

    /// From these to others.
    pub(crate) fn translation(&self) -> Translation<'_, Arc<str>> {
        Translation::new(&self.texts)
    }

    /// How many there are, and each with its length; the empty one is understood.
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        varint::put(bytes, self.texts.len() as u64 - 1);
        for text in &self.texts[1..] {
            varint::put(bytes, text.len() as u64);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
}

impl<'b> Stored<'b> {
    /// None but the empty one.
    pub(crate) fn nothing() -> Self {
        Self(vec![""])
    }

    /// Takes them off the front; `None` where there are none.
    pub(crate) fn take(bytes: &mut &'b [u8]) -> Option<Self> {
        let mut stored = Self::nothing();
        for _ in 0..varint::take(bytes)? {
            let length = usize::try_from(varint::take(bytes)?).ok()?;
            let (text, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            stored.0.push(std::str::from_utf8(text).ok()?);
        }
        Some(stored)
    }

    /// From these to others.
    pub(crate) fn translation(&self) -> Translation<'_, &'b str> {
        Translation::new(&self.0)
    }
}

impl From<Stored<'_>> for Words {
    fn from(stored: Stored<'_>) -> Self {
        let texts = stored.0.into_iter().map(Into::into).collect();
        Self { texts, ..Self::default() }
    }
}

impl<'w, T: AsRef<str> + Clone + Into<Arc<str>>> Translation<'w, T> {
    fn new(from: &'w [T]) -> Self {
        Self { from, to: vec![None; from.len()] }
    }

    /// `None` for a key that is not of the words translated from.
    pub(crate) fn key(&mut self, key: Key, to: &mut Words) -> Option<Key> {
        let mut numbers = key.0;
        for number in &mut numbers {
            let known = self.to.get_mut(*number as usize)?;
            *number = match *known {
                Some(known) => known,
                None => *known.insert(to.shared(&self.from[*number as usize])),
            };
        }
        Some(Key(numbers))
    }
}

impl Key {
    const WORDS: usize = 14;

    pub(crate) fn of(dimensions: &Dimensions, words: &mut Words) -> Self {
        // Taken apart so that a new field does not build until it has its place here.
        let Dimensions {
            task_type,
            agent,
            outcome,
            project,
            intent,
            queue,
            channel,
            language,
            technical,
            model,
            baseline_version,
            rate_version,
            rate,
            cost_currency,
        } = dimensions;
        let technical = technical.map_or("", |yes| if yes { "true" } else { "false" });
        let rate = rate.map_or(0, |rate| words.rate(rate));
        let cost_currency = cost_currency.as_ref().map_or("", Currency::as_str);
        let [task_type, agent, outcome, project, intent, queue, channel, language] =
            [task_type, agent, outcome.as_str(), project, intent, queue, channel, language]
                .map(|text| words.number(text));
        let [technical, model, baseline_version, rate_version, cost_currency] =
            [technical, model, baseline_version, rate_version, cost_currency]
                .map(|text| words.number(text));
        Self([
            task_type,
            agent,
            outcome,
            project,
            intent,
            queue,
            channel,
            language,
            technical,
            model,
            baseline_version,
            rate_version,
            rate,
            cost_currency,
        ])
    }

    /// What is left when cells are told apart by nothing but outcome, rate and currency.
    pub(crate) fn of_totals(self) -> Self {
        let [_, _, outcome, .., rate, cost_currency] = self.0;
        Self([0, 0, outcome, 0, 0, 0, 0, 0, 0, 0, 0, 0, rate, cost_currency])
    }

    /// The same, with what was done and by whom.
    pub(crate) fn of_work(self) -> Self {
        let ([task_type, agent, ..], mut numbers) = (self.0, self.of_totals().0);
        (numbers[0], numbers[1]) = (task_type, agent);
        Self(numbers)
    }

    /// `None` where these words are no dimensions.
    pub(crate) fn dimensions(&self, words: &Words) -> Option<Dimensions> {
        let mut texts = [""; Self::WORDS];
        for (text, number) in texts.iter_mut().zip(self.0) {
            *text = words.text(number)?;
        }
        let [
            task_type,
            agent,
            outcome,
            project,
            intent,
            queue,
            channel,
            language,
            technical,
            model,
            baseline_version,
            rate_version,
            rate,
            cost_currency,
        ] = texts;
        let currency = |text| Currency::new(text).ok();
        Some(Dimensions {
            task_type: task_type.to_owned(),
            agent: agent.to_owned(),
            outcome: Outcome::parse(outcome)?,
            project: project.to_owned(),
            intent: intent.to_owned(),
            queue: queue.to_owned(),
            channel: channel.to_owned(),
            language: language.to_owned(),
            technical: match technical {
                "" => None,
                word => Some(word.parse().ok()?),
            },
            model: model.to_owned(),
            baseline_version: baseline_version.to_owned(),
            rate_version: rate_version.to_owned(),
            rate: match rate.split_once(' ') {
                Some((micros, code)) => {
                    Some(Rate { micros_per_hour: micros.parse().ok()?, currency: currency(code)? })
                }
                None if rate.is_empty() => None,
                None => return None,
            },
            cost_currency: match cost_currency {
                "" => None,
                code => Some(currency(code)?),
            },
        })
    }

    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        for number in self.0 {
            varint::put(bytes, number.into());
        }
    }

    /// Takes one off the front; `None` where there is none.
    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let mut numbers = [0; Self::WORDS];
        for number in &mut numbers {
            *number = u32::try_from(varint::take(bytes)?).ok()?;
        }
        Some(Self(numbers))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::samples::{START, step};

    fn two() -> [Dimensions; 2] {
        let mut full = step("customer_email_draft", 8, Outcome::NeedsReview, START).dimensions;
        full.technical = Some(true);
        full.queue = "日本 ".to_owned();
        let mut bare = step("x", 1, Outcome::Pending, START).dimensions;
        (bare.rate, bare.cost_currency) = (None, None);
        [full, bare]
    }

    #[test]
    fn dimensions_are_read_back_by_the_same_words_and_by_stored_ones() {
        let mut words = Words::default();
        let keys = two().map(|dimensions| Key::of(&dimensions, &mut words));
        let mut bytes = Vec::new();
        words.put(&mut bytes);
        for key in keys {
            key.put(&mut bytes);
        }
        let mut rest = bytes.as_slice();
        let stored = Words::from(Stored::take(&mut rest).unwrap());
        for (key, dimensions) in keys.into_iter().zip(two()) {
            assert_eq!(key.dimensions(&words).unwrap(), dimensions);
            assert_eq!(Key::take(&mut rest), Some(key));
            assert_eq!(key.dimensions(&stored).unwrap(), dimensions);
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn keys_are_translated_from_one_list_to_another() {
        let (mut from, mut to) = (Words::default(), Words::default());
        let [full, bare] = two();
        let (key, known) = (Key::of(&full, &mut from), Key::of(&bare, &mut to));
        let translated = from.translation().key(key, &mut to).unwrap();
        assert_eq!(translated.dimensions(&to).unwrap(), full);
        assert_eq!(known.dimensions(&to).unwrap(), bare);
        let foreign = Key([7; Key::WORDS]);
        assert_eq!(Words::default().translation().key(foreign, &mut to), None);
    }
}
