//! The protobuf codec of every call, with one look before it leaps.
//!
//! A message is decoded into structs before anybody can count them, and an empty sub-message is two bytes on
//! the wire and hundreds in memory: a megabyte of them takes a hundred. So they are counted first.
//!
//! Messages are written to a vector and read from one piece of memory, not to and from tonic's buffers: those
//! take a call and a few checks for every tag and length, which was a tenth of what a batch of events cost.

use std::marker::PhantomData;

use prost::Message;
use prost::bytes::{Buf as _, BufMut as _};
use tonic::Status;
use tonic::codec::{DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Fields of one message, repeated ones counted each: far more than any message of the contract has room
/// for (a page or a batch is 1,000), and few enough to be harmless.
const FIELDS_MAX: usize = 65_536;

/// See the module.
#[derive(Debug, Clone)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Writing<T>;
    type Decoder = Counting<U>;

    fn encoder(&mut self) -> Self::Encoder {
        Writing(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        Counting(PhantomData)
    }
}

/// Encodes.
#[derive(Debug)]
pub struct Writing<T>(PhantomData<T>);

impl<T: Message> Encoder for Writing<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&message.encode_to_vec());
        Ok(())
    }
}

/// Counts, then decodes.
#[derive(Debug)]
pub struct Counting<U>(PhantomData<U>);

impl<U: Message + Default> Decoder for Counting<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let message = message.copy_to_bytes(message.remaining());
        if has_more_fields_than(FIELDS_MAX, &message) {
            // In tonic's own words for what it cannot decode: the server's edge knows them.
            return Err(Status::internal(format!(
                "the message holds more than {FIELDS_MAX} fields and items"
            )));
        }
        U::decode(message).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Whether a message has more than `limit` fields, as far as it can be read; the rest is the decoder's.
fn has_more_fields_than(limit: usize, mut message: &[u8]) -> bool {
    // A field takes two bytes at least.
    if message.len() <= 2 * limit {
        return false;
    }
    for _ in 0..limit {
        if !skip_field(&mut message) {
            return false;
        }
    }
    !message.is_empty()
}

/// Moves past a field; `false` at the end, and where there is none.
fn skip_field(message: &mut &[u8]) -> bool {
    let Some(tag) = varint(message) else { return false };
    let size = match tag & 7 {
        0 => return varint(message).is_some(),
        1 => Some(8),
        2 => varint(message).and_then(|size| usize::try_from(size).ok()),
        5 => Some(4),
        _ => None,
    };
    match size.and_then(|size| message.split_at_checked(size)) {
        Some((_, rest)) => {
            *message = rest;
            true
        }
        None => false,
    }
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    prost::encoding::decode_varint(message).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_counted_before_they_are_built() {
        let items = |n: usize| [0x0a, 0].repeat(n);
        assert!(!has_more_fields_than(1_000, &items(1_000)));
        assert!(has_more_fields_than(1_000, &items(1_001)));
        // A few large fields are few fields.
        let large = [&[0x0a, 0x90, 0x4e][..], &vec![0; 10_000]].concat();
        assert!(!has_more_fields_than(1_000, &large));
    }

    #[test]
    fn what_cannot_be_read_is_left_to_the_decoder() {
        for broken in [&[0x0f; 5_000][..], &[0xff; 5_000], &[0x0a, 0xff, 0xff, 0x7f, 0, 0, 0]] {
            assert!(!has_more_fields_than(1_000, broken));
        }
    }
}
