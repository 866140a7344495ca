//! Cells of one place as bytes: a row holds all of them, since a row for each cost more than adding them up.
//!
//! Two columns side by side. `cells` has the words, and what reports read: each cell's dimensions, its sums
//! and which tickets it has seen. `counts` has how many events each of those tickets has, where that is not
//! one: of use only to whoever takes something away.

use foldhash::{HashMap, HashMapExt as _};

use crate::domain::{
    Content, Dimensions, DurationSums, Durations, Efforts, Key, Measures, Stored, TicketCounts,
    TicketSet, Words, varint,
};

/// What a row holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    pub(super) cells: Vec<u8>,
    /// A length and as many bytes, for each cell in the order of `cells`.
    pub(super) counts: Vec<u8>,
    /// Whether a ticket has a count below zero, so that another block of the place is needed to tell
    /// whether it has been seen.
    pub(super) signed: bool,
}

/// Stored bytes that are no cells.
#[derive(Debug, thiserror::Error)]
#[error("not a block of cells")]
pub(super) struct BadBlock;

/// One cell's part of a block, undecoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'b> {
    pub(super) key: Key,
    body: &'b [u8],
    /// `None` where they were not read.
    counts: Option<&'b [u8]>,
}

/// What reports read of an entry.
#[derive(Debug)]
pub(super) struct Sums<'b> {
    pub(super) measures: Measures,
    durations: &'b [u8],
    efforts: &'b [u8],
    seen: &'b [u8],
}

impl Block {
    /// Of cells with keys of these words, each key once; empty ones are left out.
    pub(super) fn of<'c>(
        words: &Words,
        cells: impl IntoIterator<Item = (Key, &'c Content)>,
    ) -> Self {
        let (mut writer, mut translation) = (Writer::default(), words.translation());
        for (key, content) in cells.into_iter().filter(|(_, content)| !content.is_empty()) {
            let key = translation.key(key, &mut writer.words).expect("a key of these words");
            writer.push(key, content);
        }
        writer.finish()
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len() + self.counts.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Both in one. Cells that are in one of them only are copied as they are.
    pub(super) fn merge(&self, other: &Self) -> Result<Self, BadBlock> {
        let (words, mine) = self.read()?;
        let (their_words, theirs) = other.read()?;
        let mut writer = Writer { words: words.into(), ..Writer::default() };
        let mut translation = their_words.translation();
        let mut new = HashMap::new();
        for entry in theirs {
            let entry = entry?;
            new.insert(translation.key(entry.key, &mut writer.words).ok_or(BadBlock)?, entry);
        }
        for entry in mine {
            let entry = entry?;
            match new.remove(&entry.key) {
                None => writer.copy(entry.key, &entry)?,
                Some(more) => {
                    let mut content = entry.content()?;
                    content.merge(&more.content()?);
                    if !content.is_empty() {
                        writer.push(entry.key, &content);
                    }
                }
            }
        }
        // In their order, so that the same blocks always make the same bytes.
        let mut new: Vec<_> = new.into_iter().collect();
        new.sort_unstable_by_key(|(key, _)| *key);
        for (key, entry) in new {
            writer.copy(key, &entry)?;
        }
        Ok(writer.finish())
    }

    /// The words and the entries.
    fn read(&self) -> Result<(Stored<'_>, Entries<'_>), BadBlock> {
        Entries::read(&self.cells, Some(&self.counts))
    }

    /// Everything, decoded.
    pub(super) fn contents(&self) -> Result<Vec<(Dimensions, Content)>, BadBlock> {
        let (words, entries) = self.read()?;
        let words = Words::from(words);
        entries
            .map(|entry| {
                let entry = entry?;
                Ok((entry.key.dimensions(&words).ok_or(BadBlock)?, entry.content()?))
            })
            .collect()
    }
}

/// A block that is being written.
#[derive(Default)]
struct Writer {
    words: Words,
    cells: Vec<u8>,
    counts: Vec<u8>,
    signed: bool,
    /// Used again and again: a cell takes several parts.
    scratch: Vec<u8>,
}

impl Writer {
    fn push(&mut self, key: Key, content: &Content) {
        let signed = content.tickets.is_signed();
        key.put(&mut self.cells);
        let mut scratch = std::mem::take(&mut self.scratch);
        put_part(&mut self.cells, &mut scratch, |into| put_body(into, content));
        put_part(&mut self.counts, &mut scratch, |into| content.tickets.put_other(into));
        self.scratch = scratch;
        self.signed |= signed;
    }

    fn copy(&mut self, key: Key, entry: &Entry<'_>) -> Result<(), BadBlock> {
        let counts = entry.counts.ok_or(BadBlock)?;
        key.put(&mut self.cells);
        for (into, part) in [(&mut self.cells, entry.body), (&mut self.counts, counts)] {
            varint::put(into, part.len() as u64);
            into.extend_from_slice(part);
        }
        self.signed |= entry.is_signed();
        Ok(())
    }

    fn finish(self) -> Block {
        if self.cells.is_empty() {
            return Block::default();
        }
        let mut cells = Vec::with_capacity(self.cells.len() + 512);
        self.words.put(&mut cells);
        cells.extend_from_slice(&self.cells);
        Block { cells, counts: self.counts, signed: self.signed }
    }
}

/// A mask of the measures that are not zero with a bit for a signed cell below it, those measures, the
/// durations and the efforts with their lengths, and the tickets seen.
fn put_body(body: &mut Vec<u8>, content: &Content) {
    let measures = content.measures.to_array();
    let set = (0u64..).zip(measures).filter(|(_, sum)| *sum != 0);
    let mask = set.fold(0, |mask, (at, _)| mask | 1 << at);
    varint::put(body, mask << 1 | u64::from(content.tickets.is_signed()));
    for sum in measures.into_iter().filter(|sum| *sum != 0) {
        varint::put_signed(body, sum);
    }
    let mut scratch = Vec::new();
    put_part(body, &mut scratch, |into| content.durations.put(into));
    put_part(body, &mut scratch, |into| content.efforts.put(into));
    content.tickets.put_seen(body);
}

/// A length, and the bytes that `put` writes.
fn put_part(into: &mut Vec<u8>, scratch: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    scratch.clear();
    put(scratch);
    varint::put(into, scratch.len() as u64);
    into.extend_from_slice(scratch);
}

/// The entries of a block.
#[derive(Debug)]
pub(super) struct Entries<'b> {
    cells: &'b [u8],
    counts: Option<&'b [u8]>,
}

impl<'b> Entries<'b> {
    /// Of a block, whose counts may not have been read.
    pub(super) fn read(
        mut cells: &'b [u8],
        counts: Option<&'b [u8]>,
    ) -> Result<(Stored<'b>, Self), BadBlock> {
        if cells.is_empty() {
            return Ok((Stored::nothing(), Self { cells, counts }));
        }
        let words = Stored::take(&mut cells).ok_or(BadBlock)?;
        Ok((words, Self { cells, counts }))
    }

    fn take(&mut self) -> Option<Entry<'b>> {
        let key = Key::take(&mut self.cells)?;
        let body = part(&mut self.cells)?;
        let counts = match &mut self.counts {
            Some(counts) => Some(part(counts)?),
            None => None,
        };
        Some(Entry { key, body, counts })
    }
}

impl<'b> Iterator for Entries<'b> {
    type Item = Result<Entry<'b>, BadBlock>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.cells.is_empty() {
            return None;
        }
        let entry = self.take();
        if entry.is_none() {
            // Once is enough.
            self.cells = &[];
        }
        Some(entry.ok_or(BadBlock))
    }
}

impl<'b> Entry<'b> {
    /// All of it; its counts must have been read.
    pub(super) fn content(&self) -> Result<Content, BadBlock> {
        let sums = self.sums()?;
        let counts = self.counts.ok_or(BadBlock)?;
        Ok(Content {
            measures: sums.measures,
            durations: sums.durations()?,
            efforts: sums.efforts()?,
            tickets: TicketCounts::from_bytes(sums.seen, counts).map_err(|_| BadBlock)?,
        })
    }

    pub(super) fn sums(&self) -> Result<Sums<'b>, BadBlock> {
        let mut body = self.body;
        let mask = varint::take(&mut body).ok_or(BadBlock)? >> 1;
        let mut measures = [0; Measures::COUNT];
        for (at, sum) in (0u64..).zip(&mut measures) {
            if mask & 1 << at != 0 {
                *sum = varint::take_signed(&mut body).ok_or(BadBlock)?;
            }
        }
        let durations = part(&mut body).ok_or(BadBlock)?;
        let efforts = part(&mut body).ok_or(BadBlock)?;
        Ok(Sums { measures: Measures::from_array(measures), durations, efforts, seen: body })
    }

    fn is_signed(&self) -> bool {
        self.body.first().is_some_and(|mask| mask & 1 == 1)
    }
}

impl Sums<'_> {
    pub(super) fn durations(&self) -> Result<Durations, BadBlock> {
        Durations::from_bytes(self.durations).map_err(|_| BadBlock)
    }

    pub(super) fn add_durations(&self, to: &mut DurationSums) -> Result<(), BadBlock> {
        to.take_in(self.durations).map_err(|_| BadBlock)
    }

    pub(super) fn efforts(&self) -> Result<Efforts, BadBlock> {
        Efforts::from_bytes(self.efforts).map_err(|_| BadBlock)
    }

    /// Right where no block of the place is signed.
    pub(super) fn see(&self, seen: &mut TicketSet) -> Result<(), BadBlock> {
        seen.take_in(self.seen).map_err(|_| BadBlock)
    }
}

/// A length and as many bytes.
fn part<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(varint::take(bytes)?).ok()?;
    let (part, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(part)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::Spent;
    use crate::domain::samples::{START, step};
    use kernel::Outcome;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Cells = BTreeMap<Dimensions, Content>;

    prop_compose! {
        fn any_content()(
            events in -3i64..4,
            saved in any::<i32>(),
            tickets in prop::collection::vec((0u32..200, -1i64..3), 0..60),
            ms in prop::collection::vec(0u32..500, 0..4),
        ) -> Content {
            let mut content = Content::default();
            content.measures.events = events;
            content.measures.credited_ms = saved.into();
            for (ticket, events) in tickets {
                content.tickets.add(ticket, events);
            }
            let spent = |ms| Spent { agent_ms: Some(ms), ..Spent::default() };
            content.durations = ms.iter().map(|&ms| (ms.into(), events)).collect();
            content.efforts = ms.into_iter().map(|ms| (spent(ms), events)).collect();
            content
        }
    }

    fn any_cells() -> impl Strategy<Value = Cells> {
        let name = (0u8..12).prop_map(|name| {
            let mut set = step("x", 1, Outcome::Success, START).dimensions;
            (set.agent, set.queue) = (format!("a{}", name % 4), format!("q{}", name / 4));
            set
        });
        prop::collection::btree_map(name, any_content(), 0..8)
    }

    fn block(cells: &Cells) -> Block {
        let mut words = Words::default();
        let cells: Vec<_> =
            cells.iter().map(|(set, content)| (Key::of(set, &mut words), content)).collect();
        Block::of(&words, cells)
    }

    fn read(block: &Block) -> Cells {
        block.contents().unwrap().into_iter().collect()
    }

    proptest! {
        #[test]
        fn blocks_hold_their_cells_and_merge_as_the_cells_do(
            one in any_cells(),
            other in any_cells(),
        ) {
            let mut expected = one.clone();
            for (name, content) in &other {
                expected.entry(name.clone()).or_default().merge(content);
            }
            expected.retain(|_, content| !content.is_empty());
            let merged = block(&one).merge(&block(&other)).unwrap();
            prop_assert_eq!(&read(&merged), &expected);
            prop_assert_eq!(merged.contents().unwrap().len(), expected.len());
            let signed = expected.values().any(|content| content.tickets.is_signed());
            prop_assert_eq!(merged.signed, signed);
        }

        #[test]
        fn what_reports_read_is_there_without_the_counts(cells in any_cells()) {
            let block = block(&cells);
            let (words, entries) = Entries::read(&block.cells, None).unwrap();
            let words = Words::from(words);
            for entry in entries {
                let (entry, mut seen) = (entry.unwrap(), TicketSet::default());
                let content = &cells[&entry.key.dimensions(&words).unwrap()];
                let sums = entry.sums().unwrap();
                sums.see(&mut seen).unwrap();
                prop_assert_eq!(sums.measures, content.measures);
                prop_assert_eq!(sums.durations().unwrap(), content.durations.clone());
                prop_assert_eq!(seen, content.tickets.seen());
            }
        }

        #[test]
        fn bytes_that_are_no_block_are_refused_and_not_guessed_at(
            cells in prop::collection::vec(any::<u8>(), 0..80),
            counts in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let block = Block { cells, counts, signed: false };
            // An error or not, but an end and no panic.
            let _ = block.merge(&Block::default());
            let _ = block.contents();
        }
    }
}
