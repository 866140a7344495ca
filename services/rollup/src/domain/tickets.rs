//! Sets of tickets, exact and small: each ticket of a workspace has a number, a set is a bitmap of them.

use std::io;

use roaring::RoaringBitmap;

/// A set of ticket numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TicketSet(RoaringBitmap);

/// Stored bytes that are no bitmap.
#[derive(Debug, thiserror::Error)]
#[error("not a bitmap of tickets")]
pub(crate) struct BadTickets(#[from] io::Error);

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

    /// The portable roaring format.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.serialized_size());
        self.0.serialize_into(&mut bytes).expect("writing to memory cannot fail");
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, BadTickets> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self(RoaringBitmap::deserialize_from(bytes)?))
    }
}

impl FromIterator<u32> for TicketSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}
