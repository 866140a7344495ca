//! Tickets, exact and small: each ticket of a workspace has a number. A cell counts how many of its events
//! a number has, so that taking one event back tells whether the ticket is still there.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use crate::domain::varint;

/// A set of ticket numbers: what a report counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TicketSet(RoaringBitmap);

/// How many events each ticket has in a cell. Counts add up in any order, below zero in between too.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TicketCounts {
    /// Tickets counted above zero.
    seen: TicketSet,
    /// Counts other than 0 and 1: few, since a ticket seldom takes the same step twice in a cell.
    other: BTreeMap<u32, i64>,
}

/// Stored bytes that are no tickets.
#[derive(Debug, thiserror::Error)]
#[error("not a bitmap of tickets")]
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

    /// The front of what [`TicketCounts`] are stored as; what follows it is not looked at.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Result<Self, BadTickets> {
        Self::take(&mut bytes)
    }

    fn take(bytes: &mut &[u8]) -> Result<Self, BadTickets> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        RoaringBitmap::deserialize_from(bytes).map(Self).map_err(|_| BadTickets)
    }
}

impl FromIterator<u32> for TicketSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}

impl TicketCounts {
    pub(crate) fn add(&mut self, ticket: u32, events: i64) {
        let count = self.count(ticket) + events;
        if count > 0 {
            self.seen.0.insert(ticket);
        } else {
            self.seen.0.remove(ticket);
        }
        if matches!(count, 0 | 1) {
            self.other.remove(&ticket);
        } else {
            self.other.insert(ticket, count);
        }
    }

    pub(crate) fn merge(&mut self, more: &Self) {
        if more.other.is_empty() && self.seen.0.is_disjoint(&more.seen.0) && self.other.is_empty() {
            self.seen.merge(&more.seen);
            return;
        }
        for (ticket, events) in more.iter() {
            self.add(ticket, events);
        }
    }

    /// Tickets with a count above zero.
    pub(crate) fn seen(&self) -> &TicketSet {
        &self.seen
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.other.is_empty()
    }

    /// Every ticket whose count is not zero, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, i64)> {
        let below = self.other.iter().filter(|(_, events)| **events < 0).map(|(&t, &n)| (t, n));
        let mut all: Vec<(u32, i64)> =
            self.seen.0.iter().map(|ticket| (ticket, self.count(ticket))).chain(below).collect();
        all.sort_unstable_by_key(|(ticket, _)| *ticket);
        all.into_iter()
    }

    /// The portable roaring format of the set, and behind it the counts that are not 1. No bytes for no
    /// tickets, so that a row without any stays small.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut bytes = Vec::with_capacity(self.seen.0.serialized_size() + 4 * self.other.len());
        self.seen.0.serialize_into(&mut bytes).expect("writing to memory cannot fail");
        let mut last = 0;
        for (&ticket, &events) in &self.other {
            varint::put(&mut bytes, u64::from(ticket - last));
            varint::put_signed(&mut bytes, events);
            last = ticket;
        }
        bytes
    }

    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Result<Self, BadTickets> {
        let seen = TicketSet::take(&mut bytes)?;
        let mut other = BTreeMap::new();
        let mut last = 0u32;
        while !bytes.is_empty() {
            let step = varint::take(&mut bytes).and_then(|step| u32::try_from(step).ok());
            last = step.and_then(|step| last.checked_add(step)).ok_or(BadTickets)?;
            other.insert(last, varint::take_signed(&mut bytes).ok_or(BadTickets)?);
        }
        Ok(Self { seen, other })
    }

    fn count(&self, ticket: u32) -> i64 {
        let once = || i64::from(self.seen.0.contains(ticket));
        self.other.get(&ticket).copied().unwrap_or_else(once)
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
        assert_eq!(counts.to_bytes(), [0u8; 0]);
    }

    proptest! {
        #[test]
        fn counts_are_the_same_in_any_order_split_and_form(
            events in prop::collection::vec((0u32..40, -2i64..3), 0..80),
            at in 0usize..80,
        ) {
            let whole = counts(&events);
            let (left, right) = events.split_at(at.min(events.len()));
            let mut merged = counts(right);
            merged.merge(&counts(left));
            prop_assert_eq!(&merged, &whole);
            let bytes = whole.to_bytes();
            prop_assert_eq!(TicketCounts::from_bytes(&bytes).unwrap(), whole.clone());
            prop_assert_eq!(&TicketSet::from_bytes(&bytes).unwrap(), whole.seen());
        }
    }
}
