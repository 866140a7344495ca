//! Tickets, exact and small: each ticket of a workspace has a number. A cell counts how many of its events
//! a number has, so that taking one event back tells whether the ticket is still there.

use std::ops::Range;

use roaring::RoaringBitmap;

use crate::domain::sums::Sums;
use crate::domain::varint;

/// Sets of so many are a list, larger ones a bitmap, whose head alone has 16 bytes.
const LISTED_MAX: usize = 32;

/// Bits of a count that lies with the step to its ticket: the count less two, as one is not written.
const COUNT_BITS: u32 = 3;
/// All of them set: the count comes behind, as it is.
const COUNT_FOLLOWS: u64 = (1 << COUNT_BITS) - 1;
/// The others: counts from two on.
const COUNTS_BESIDE: Range<i64> = 2..2 + COUNT_FOLLOWS as i64;

/// A set of ticket numbers: what a report counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TicketSet(RoaringBitmap);

/// How many events each ticket has in a cell. Counts add up in any order, below zero in between too.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TicketCounts(Sums<u32>);

/// Stored bytes that are no tickets.
#[derive(Debug, thiserror::Error)]
#[error("not a set of tickets")]
pub(crate) struct BadTickets;

impl TicketSet {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0 |= &other.0;
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in what [`TicketCounts::put_seen`] wrote.
    pub(crate) fn take_in(&mut self, mut seen: &[u8]) -> Result<(), BadTickets> {
        match varint::take(&mut seen).ok_or(BadTickets)? {
            0 => self.0 |= RoaringBitmap::deserialize_from(seen).map_err(|_| BadTickets)?,
            listed => {
                let mut ticket = 0u32;
                for _ in 1..listed {
                    let step = varint::take(&mut seen).and_then(|step| u32::try_from(step).ok());
                    ticket = step.and_then(|step| ticket.checked_add(step)).ok_or(BadTickets)?;
                    self.0.insert(ticket);
                }
            }
        }
        Ok(())
    }
}

impl FromIterator<u32> for TicketSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}

impl FromIterator<(u32, i64)> for TicketCounts {
    fn from_iter<I: IntoIterator<Item = (u32, i64)>>(counts: I) -> Self {
        Self(counts.into_iter().collect())
    }
}

impl TicketCounts {
    pub(crate) fn add(&mut self, ticket: u32, events: i64) {
        self.0.add(ticket, events);
    }

    pub(crate) fn merge(&mut self, more: &Self) {
        self.0.merge(&more.0);
    }

    /// Tickets with a count above zero.
    pub(crate) fn seen(&self) -> TicketSet {
        // They ascend: said so, each goes behind the last one instead of being looked for.
        let seen = RoaringBitmap::from_sorted_iter(self.positive());
        TicketSet(seen.expect("sums are in the order of their keys"))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a count below zero: more was taken away here than came in, and the rest of it is
    /// elsewhere.
    pub(crate) fn is_signed(&self) -> bool {
        self.iter().any(|(_, events)| events < 0)
    }

    /// Every ticket whose count is not zero, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        self.0.iter()
    }

    /// The tickets with a count above zero, which is all that most readers want: one more than their number
    /// and the steps from one to the next, or a zero and a bitmap in the portable roaring format.
    pub(crate) fn put_seen(&self, bytes: &mut Vec<u8>) {
        let seen = self.positive().count();
        if seen <= LISTED_MAX {
            varint::put(bytes, seen as u64 + 1);
            let mut last = 0;
            for ticket in self.positive() {
                varint::put(bytes, u64::from(ticket - last));
                last = ticket;
            }
        } else {
            varint::put(bytes, 0);
            let TicketSet(mut seen) = self.seen();
            // Numbers in a row take four bytes, however many they are.
            seen.optimize();
            seen.serialize_into(bytes).expect("writing to memory cannot fail");
        }
    }

    /// The counts that are not one: the step from the ticket before and the count in one number, which has a
    /// byte where tickets are near one another and took few steps.
    pub(crate) fn put_other(&self, bytes: &mut Vec<u8>) {
        let mut last = 0;
        for (ticket, events) in self.iter().filter(|(_, events)| *events != 1) {
            let step = u64::from(ticket - last) << COUNT_BITS;
            if COUNTS_BESIDE.contains(&events) {
                varint::put(bytes, step | (events - COUNTS_BESIDE.start).unsigned_abs());
            } else {
                varint::put(bytes, step | COUNT_FOLLOWS);
                varint::put_signed(bytes, events);
            }
            last = ticket;
        }
    }

    /// Of both.
    pub(crate) fn from_bytes(seen: &[u8], mut other: &[u8]) -> Result<Self, BadTickets> {
        let mut set = TicketSet::default();
        set.take_in(seen)?;
        let (mut others, mut last) = (Vec::new(), 0u32);
        while !other.is_empty() {
            let both = varint::take(&mut other).ok_or(BadTickets)?;
            let step = u32::try_from(both >> COUNT_BITS).map_err(|_| BadTickets)?;
            last = last.checked_add(step).ok_or(BadTickets)?;
            let events = match both & COUNT_FOLLOWS {
                COUNT_FOLLOWS => varint::take_signed(&mut other).ok_or(BadTickets)?,
                count => count as i64 + COUNTS_BESIDE.start,
            };
            others.push((last, events));
        }
        let mut counts = Sums::sorted(set.0.iter().map(|ticket| (ticket, 1)).collect());
        if let Some(counts) = &mut counts {
            // A ticket in both lists was counted once already.
            let more = others
                .into_iter()
                .map(|(ticket, events)| (ticket, if events > 0 { events - 1 } else { events }));
            counts.merge(&Sums::sorted(more.collect()).ok_or(BadTickets)?);
        }
        counts.map(Self).ok_or(BadTickets)
    }

    fn positive(&self) -> impl Iterator<Item = u32> + '_ {
        self.iter().filter(|(_, events)| *events > 0).map(|(ticket, _)| ticket)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(events: &[(u32, i64)]) -> TicketCounts {
        let mut counts = TicketCounts::default();
        for &(ticket, n) in events {
            counts.add(ticket, n);
        }
        counts
    }

    #[test]
    fn a_ticket_stays_until_its_last_event_is_taken_back() {
        let mut counts = counts(&[(7, 1), (7, 1), (9, 1)]);
        counts.add(7, -1);
        assert_eq!(counts.seen().len(), 2);
        counts.add(7, -1);
        assert_eq!(counts.seen().len(), 1);
        counts.add(9, -1);
        assert!(counts.is_empty());
    }

    #[test]
    fn counts_of_any_size_are_read_back_and_small_ones_of_neighbours_take_a_byte() {
        let any = counts(&[(0, -1), (1, 2), (2, 8), (3, 9), (70_000, i64::MIN), (u32::MAX, 7)]);
        let neighbours: TicketCounts = (500..600).map(|n| (n, i64::from(n % 7) + 2)).collect();
        for (counts, bytes) in [(any, None), (neighbours, Some(2 + 99))] {
            let (mut seen, mut other) = (Vec::new(), Vec::new());
            counts.put_seen(&mut seen);
            counts.put_other(&mut other);
            assert!(bytes.is_none_or(|bytes| other.len() == bytes), "{} bytes", other.len());
            assert_eq!(TicketCounts::from_bytes(&seen, &other).unwrap(), counts);
        }
    }

    #[test]
    fn numbers_in_a_row_take_next_to_nothing() {
        let in_a_row: TicketCounts = (70_000..90_000).map(|ticket| (ticket, 3)).collect();
        let mut seen = Vec::new();
        in_a_row.put_seen(&mut seen);
        assert!(seen.len() < 64, "{} bytes", seen.len());
        let mut set = TicketSet::default();
        set.take_in(&seen).unwrap();
        assert_eq!(set, in_a_row.seen());
    }

    proptest! {
        #[test]
        fn counts_are_the_same_in_any_order_split_and_form(
            events in prop::collection::vec((0u32..120, -2i64..13), 0..200),
            at in 0usize..200,
        ) {
            let whole = counts(&events);
            let (left, right) = events.split_at(at.min(events.len()));
            let mut merged = counts(right);
            merged.merge(&counts(left));
            prop_assert_eq!(&merged, &whole);
            let (mut seen, mut other) = (Vec::new(), Vec::new());
            whole.put_seen(&mut seen);
            whole.put_other(&mut other);
            prop_assert_eq!(TicketCounts::from_bytes(&seen, &other).unwrap(), whole.clone());
            let mut set = TicketSet::default();
            set.take_in(&seen).unwrap();
            prop_assert_eq!(set, whole.seen());
        }
    }
}
