//! A value as it lies in Redis: format, version, checksum, value. What does not fit is no value.

use bytes::Bytes;

const FORMAT: u8 = 1;
/// Format (1), version (8), checksum (4).
const HEADER: usize = 13;

/// The version comes first and in an order that bytes compare in, because a script compares it.
pub(crate) fn encode(version: i64, value: &[u8]) -> Vec<u8> {
    let version = ordered(version);
    let mut frame = Vec::with_capacity(HEADER + value.len());
    frame.push(FORMAT);
    frame.extend_from_slice(&version);
    frame.extend_from_slice(&checksum(version, value));
    frame.extend_from_slice(value);
    frame
}

/// The version of a frame. None for another format, a frame cut short, and one with a wrong bit.
pub(crate) fn decode(frame: &[u8]) -> Option<i64> {
    let (header, value) = frame.split_at_checked(HEADER)?;
    let version: [u8; 8] = header[1..9].try_into().expect("nine minus one bytes");
    if header[0] != FORMAT || header[9..] != checksum(version, value) {
        return None;
    }
    Some((u64::from_be_bytes(version) ^ SIGN) as i64)
}

/// The value of a frame that [`decode`] has accepted.
pub(crate) fn value(frame: Vec<u8>) -> Bytes {
    Bytes::from(frame).slice(HEADER..)
}

const SIGN: u64 = 1 << 63;

fn ordered(version: i64) -> [u8; 8] {
    (version as u64 ^ SIGN).to_be_bytes()
}

fn checksum(version: [u8; 8], value: &[u8]) -> [u8; 4] {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&version);
    sum.update(value);
    sum.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_framed_comes_back(version: i64, value: Vec<u8>) {
            let frame = encode(version, &value);
            prop_assert_eq!(decode(&frame), Some(version));
            prop_assert_eq!(super::value(frame), value);
        }

        #[test]
        fn a_flipped_bit_is_noticed(version: i64, value: Vec<u8>, at: prop::sample::Index) {
            let mut frame = encode(version, &value);
            let at = at.index(frame.len() * 8);
            frame[at / 8] ^= 1 << (at % 8);
            prop_assert_eq!(decode(&frame), None);
        }

        #[test]
        fn a_frame_cut_short_is_noticed(version: i64, value: Vec<u8>, at: prop::sample::Index) {
            let mut frame = encode(version, &value);
            frame.truncate(at.index(frame.len()));
            prop_assert_eq!(decode(&frame), None);
        }

        #[test]
        fn bytes_order_as_versions_do(one: i64, other: i64) {
            prop_assert_eq!(ordered(one).cmp(&ordered(other)), one.cmp(&other));
        }
    }
}
